import { describe, expect, it } from 'vitest';
import { requireCapabilities } from '../../src/api/index.ts';
import type { Capabilities } from '../../src/backend/index.ts';
import { everything, hello, infoWith, parse } from './chat/support.ts';

const tools = [{ type: 'function', function: { name: 'f' } }];
const image = [{ role: 'user', content: [{ type: 'image_url', image_url: 'data:,a' }] }];

function check(fields: object, capabilities: Capabilities): void {
  requireCapabilities(parse({ messages: hello, ...fields }), infoWith(capabilities));
}

/** What asks for a capability, and the field that is named where a model lacks it. */
const needs: readonly [capability: keyof Capabilities, fields: object, param: string][] = [
  ['vision', { messages: image }, 'messages[0].content[0]'],
  ['tools', { tools }, 'tools'],
  ['tools', { functions: [{ name: 'f' }] }, 'functions'],
  ['structuredOutput', { response_format: { type: 'json_object' } }, 'response_format'],
  ['structuredOutput', { structured_outputs: { regex: 'a' } }, 'structured_outputs.regex'],
  ['logProbs', { logprobs: true }, 'logprobs'],
  ['logProbs', { n_probs: 3 }, 'n_probs'],
  ['maxChoices', { n: 2 }, 'n'],
  ['answerControl', { min_tokens: 1 }, 'min_tokens'],
  ['answerControl', { stop_token_ids: [1] }, 'stop_token_ids'],
  ['answerControl', { no_stop_trim: true }, 'no_stop_trim'],
  ['answerControl', { logit_bias: { 5: 1 } }, 'logit_bias'],
  [
    'answerControl',
    { repetition_detection: { max_pattern_size: 2, min_count: 2 } },
    'repetition_detection.max_pattern_size',
  ],
  ['progress', { return_progress: true, stream: true }, 'return_progress'],
  ['mirostat', { options: { mirostat: 1 } }, 'options.mirostat'],
  ['samplers', { dynatemp_range: 0.5 }, 'dynatemp_range'],
  ['samplers', { vllm_xargs: { no_repeat_ngram_size: 3 } }, 'vllm_xargs.no_repeat_ngram_size'],
  ['samplers', { dry_multiplier: 0.8 }, 'dry_multiplier'],
  ['samplers', { top_n_sigma: 1 }, 'top_n_sigma'],
  ['samplers', { typical_p: 0.9 }, 'typical_p'],
  ['samplers', { xtc_probability: 0.5 }, 'xtc_probability'],
  ['samplers', { adaptive_target: 0.5 }, 'adaptive_target'],
];

describe('a model', () => {
  it.each(needs)('without %s refuses what asks for it: %j', (capability, fields, param) => {
    const { [capability]: _, ...others } = everything;
    expect(() => check(fields, { vision: false, ...others })).toThrow(
      expect.objectContaining({ code: 'unsupported_capability', param }) as Error,
    );
    expect(() => check(fields, everything)).not.toThrow();
  });

  it('that can nothing else answers what asks for nothing', () => {
    const fields = {
      n: 1,
      logit_bias: { 5: 0 },
      tools: [],
      parallel_tool_calls: true,
      response_format: { type: 'text' },
      logprobs: false,
      top_logprobs: 0,
      min_tokens: 0,
      stop_token_ids: [],
      include_stop_str_in_output: false,
      return_progress: false,
      dry_multiplier: 0,
      dry_base: 1.75,
      typical_p: 1,
      top_n_sigma: -1,
      xtc_probability: 0,
      adaptive_target: -1,
      mirostat: 0,
      dynatemp_range: 0,
      no_repeat_ngram_size: 0,
      repeat_last_n: 64,
      samplers: 'edskypmxt',
      reasoning_effort: 'low',
      thinking_budget: 100,
      reasoning_format: 'none',
      include_reasoning: false,
      repetition_detection: { max_pattern_size: 0 },
    };
    expect(() => check(fields, { vision: false })).not.toThrow();
    expect(() => check({ tools, tool_choice: 'none' }, { vision: false })).not.toThrow();
  });

  it('says how many answers it gives', () => {
    expect(() => check({ n: 5 }, everything)).toThrow('at most 4 answers to a request: n is 5');
    expect(() => check({ n: 4 }, everything)).not.toThrow();
  });
});
