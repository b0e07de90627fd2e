import { describe, expect, it } from 'vitest';
import { failureOf, parse } from './support.ts';

describe('fields that are not supported', () => {
  it.each<{ field: string; neutral: readonly unknown[]; refused: readonly unknown[] }>([
    { field: 'audio', neutral: [], refused: [{}, { voice: 'alloy', format: 'wav' }] },
    { field: 'chat_template_kwargs', neutral: [{}], refused: [{ a: 1 }, 'x'] },
    { field: 'function_call', neutral: ['none', 'auto'], refused: [{ name: 'f' }] },
    { field: 'functions', neutral: [[]], refused: [[{ name: 'f' }]] },
    { field: 'logit_bias', neutral: [{}], refused: [{ 5: 1 }, 3] },
    { field: 'logprobs', neutral: [false], refused: [true, 0] },
    { field: 'min_tokens', neutral: [0], refused: [1] },
    { field: 'modalities', neutral: [['text']], refused: [['text', 'audio'], [], 'text', [['text']]] },
    { field: 'n', neutral: [1], refused: [2, 0, '1'] },
    { field: 'prediction', neutral: [], refused: [{ type: 'content', content: 'x' }] },
    { field: 'reasoning', neutral: [{}], refused: [{ enabled: true }] },
    { field: 'reasoning_effort', neutral: ['none'], refused: ['low', 'high'] },
    { field: 'response_format', neutral: [{ type: 'text' }], refused: [{ type: 'json_object' }, 'text', {}] },
    { field: 'stop_token_ids', neutral: [[]], refused: [[1]] },
    { field: 'thinking', neutral: [{ type: 'disabled' }], refused: [{ type: 'enabled' }, true] },
    { field: 'tool_choice', neutral: ['none', 'auto'], refused: ['required', { type: 'function' }] },
    { field: 'tools', neutral: [[]], refused: [[{ type: 'function' }]] },
    { field: 'top_logprobs', neutral: [0], refused: [5] },
    { field: 'verbosity', neutral: [], refused: ['low'] },
    { field: 'web_search_options', neutral: [], refused: [{}] },
  ])('refuses $field unless it asks for nothing', ({ field, neutral, refused }) => {
    for (const value of [...neutral, null]) expect(parse({ [field]: value })).toEqual(parse({}));
    for (const value of refused) {
      expect(failureOf({ [field]: value })).toMatchObject({
        code: 'unsupported_parameter',
        param: field,
        message: expect.stringMatching(new RegExp(`^${field}: .* is not supported by this server`)) as string,
      });
    }
  });
});

describe('fields without effect', () => {
  it.each([
    ['metadata', { a: 'b' }],
    ['parallel_tool_calls', false],
    ['prompt_cache_key', 'a'],
    ['prompt_cache_retention', '24h'],
    ['safety_identifier', 'a'],
    ['service_tier', 'auto'],
    ['store', true],
    ['user', 'somebody'],
  ])('takes %s', (field, value) => {
    expect(parse({ [field]: value })).toEqual(parse({}));
  });
});
