import { describe, expect, it } from 'vitest';
import type { Dialect } from '../../../backends/openai/dialect.ts';
import { dialects } from '../../../backends/openai/dialect.ts';
import { chatFields } from '../../../backends/openai/request/chat-body.ts';
import { promptJson } from '../../../backends/openai/request/completion-body.ts';
import { messagesJson } from '../../../backends/openai/request/message-json.ts';
import { chatFormat } from '../../../src/api/chat/index.ts';
import { toGenerateRequest } from '../../../src/api/index.ts';
import type { ChatMessage } from '../../../src/backend/index.ts';
import { errorOf } from './support/error-of.ts';

const capabilities = { vision: true, tools: true, samplers: ['dry', 'typicalP', 'xtc'] as const };

/** What an upstream is asked for a request of these fields. */
function fieldsOf(fields: object, dialect: Dialect): Record<string, unknown> {
  const body = { messages: [{ role: 'user', content: 'Hi' }], ...fields };
  const parsed = chatFormat.parse(body, { allowExtraFields: false });
  return chatFields(toGenerateRequest(parsed, { samplingDefaults: {}, capabilities }, []), dialect);
}

const always = { stream: true, stream_options: { include_usage: true } };

describe('what is asked of an upstream', () => {
  it.each(dialects)('is nothing that the request does not ask: %s has defaults of its own', (dialect) => {
    expect(fieldsOf({}, dialect)).toEqual(always);
  });

  it.each(dialects)('is what the request asks, even if it is our default: %s', (dialect) => {
    const several = dialect === 'max' ? {} : { n: 2 };
    const asked = { temperature: 1, top_p: 1, seed: 4, stop: ['x'], max_tokens: 5, ...several };
    expect(fieldsOf(asked, dialect)).toEqual({ ...always, ...asked });
  });

  it.each([
    ['vllm', { top_k: 5, min_p: 0.1, repetition_penalty: 1.1 }, { top_k: 5, min_p: 0.1, repetition_penalty: 1.1 }],
    ['llama-server', { repetition_penalty: 1.1, typical_p: 0.5 }, { repeat_penalty: 1.1, typical_p: 0.5 }],
    ['vllm', { min_tokens: 2, stop_token_ids: [7] }, { min_tokens: 2, stop_token_ids: [7] }],
    ['sglang', { include_stop_str_in_output: true, stop: 'x' }, { no_stop_trim: true, stop: ['x'] }],
    ['openai', { logit_bias: { 5: -100 } }, { logit_bias: { 5: -100 } }],
    ['openai', { logprobs: true, top_logprobs: 2 }, { logprobs: true, top_logprobs: 2 }],
    ['vllm', { structured_outputs: { regex: 'a+' } }, { structured_outputs: { regex: 'a+' } }],
    ['sglang', { structured_outputs: { choice: ['a.b', 'c'] } }, { regex: String.raw`(a\.b|c)` }],
    ['llama-server', { grammar: 'root ::= "a"' }, { grammar: 'root ::= "a"' }],
    ['openai', { response_format: { type: 'json_object' } }, { response_format: { type: 'json_object' } }],
    ['openai', { reasoning_effort: 'low' }, { reasoning_effort: 'low' }],
    ['openai', { reasoning_effort: 'none' }, { reasoning_effort: 'none' }],
    ['vllm', { chat_template_kwargs: { x: 1 } }, { chat_template_kwargs: { x: 1 } }],
    ['vllm', { reasoning_budget: 9 }, { thinking_token_budget: 9 }],
    ['llama-server', { reasoning_format: 'none' }, { reasoning_format: 'none' }],
    ['vllm', { cache_salt: 's' }, { cache_salt: 's' }],
  ] as const)('has the words of %s: %j', (dialect, given, sent) => {
    expect(fieldsOf(given, dialect)).toEqual({ ...always, ...sent });
  });

  it.each([
    ['openai', { top_k: 5 }, 'top_k'],
    ['openai', { repetition_penalty: 1.1 }, 'repetition_penalty'],
    ['vllm', { typical_p: 0.5 }, 'typical_p'],
    ['llama-server', { min_tokens: 2 }, 'min_tokens'],
    ['openai', { ignore_eos: true }, 'ignore_eos'],
    ['max', { structured_outputs: { regex: 'a' } }, 'structured_outputs.regex'],
    ['max', { n: 2 }, 'n'],
    ['max', { logit_bias: { 5: -100 } }, 'logit_bias'],
    ['max', { reasoning_budget: 9 }, 'reasoning_budget_tokens'],
    ['openai', { chat_template_kwargs: { x: 1 } }, 'chat_template_kwargs.x'],
    ['vllm', { reasoning_format: 'none' }, 'reasoning_format'],
    ['llama-server', { cache_salt: 's' }, 'cache_salt'],
  ] as const)('is refused by name where %s has no field for it: %j', async (dialect, given, param) => {
    expect(await errorOf(() => fieldsOf(given, dialect))).toMatchObject({ code: 'unsupported_capability', param });
  });

  it('a sampler that is off needs no field', () => {
    expect(fieldsOf({ top_k: -1, min_p: 0, repetition_penalty: 1, dry_base: 2 }, 'openai')).toEqual(always);
  });
});

describe('messages', () => {
  const image = { width: 1, height: 1, rgb: new Uint8Array(3), id: 'a' };
  const messages: ChatMessage[] = [
    { role: 'system', content: [{ type: 'text', text: 'Be brief.' }] },
    {
      role: 'user',
      content: [
        { type: 'text', text: 'What is it?' },
        { type: 'image', image, budget: { detail: 'low', maxPixels: 100 } },
      ],
    },
    { role: 'assistant', content: [], reasoning: 'Hm.', toolCalls: [{ id: '1', name: 'look', arguments: '{}' }] },
    { role: 'tool', content: [{ type: 'text', text: 'A cat' }], toolCallId: '1' },
  ];

  it('are OpenAI’s', () => {
    const call = { id: '1', type: 'function', function: { name: 'look', arguments: '{}' } };
    expect(messagesJson(messages, 'vllm', () => 'data:x')).toEqual([
      { role: 'system', content: 'Be brief.' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'What is it?' },
          { type: 'image_url', image_url: { url: 'data:x', detail: 'low' } },
        ],
      },
      { role: 'assistant', content: null, reasoning_content: 'Hm.', tool_calls: [call] },
      { role: 'tool', content: 'A cat', tool_call_id: '1' },
    ]);
  });

  it('have no field that OpenAI does not know', () => {
    expect(messagesJson(messages, 'openai', () => 'data:x')[2]).not.toHaveProperty('reasoning_content');
  });
});

it('a prompt is a text, or token ids', async () => {
  const text = { type: 'text', text: 'a' } as const;
  const tokens = { type: 'tokens', tokens: [1, 2] } as const;
  expect(promptJson([text, text], 'openai')).toBe('aa');
  expect(promptJson([tokens, tokens], 'openai')).toEqual([1, 2, 1, 2]);
  expect(promptJson([text, tokens], 'vserve')).toEqual(['a', 1, 2]);
  expect(await errorOf(() => promptJson([text, tokens], 'vllm'))).toMatchObject({ param: 'prompt' });
});
