import { describe, expect, it } from 'vitest';
import { parseChatRequest } from '../../../src/api/chat/index.ts';
import { GENERATION_DEFAULTS } from '../../../src/api/request-defaults.ts';
import { failureOf, hello, parse } from './support.ts';

function messageOf(fields: object): string {
  return failureOf(fields).message;
}

describe('numbers', () => {
  const ranges: readonly {
    field: string;
    allowed: string;
    accepted: readonly number[];
    refused: readonly unknown[];
  }[] = [
    { field: 'temperature', allowed: 'a number from 0 to 2', accepted: [0, 0.7, 2], refused: [-0.1, 2.1, '1'] },
    { field: 'top_p', allowed: 'a number from 0 to 1', accepted: [0, 0.01, 1], refused: [-0.1, 1.1, true] },
    { field: 'top_k', allowed: 'an integer of at least -1', accepted: [-1, 0, 40], refused: [-2, 1.5, 'all'] },
    { field: 'min_p', allowed: 'a number from 0 to 1', accepted: [0, 1], refused: [-1, 2, [0.5]] },
    {
      field: 'seed',
      allowed: 'an integer of at most 64 bits',
      accepted: [0, -5, 2 ** 64 - 1, -(2 ** 63)],
      refused: [0.5, 2 ** 65, -(2 ** 64)],
    },
    ...['max_tokens', 'max_completion_tokens', 'max_new_tokens', 'n_predict'].map((field) => ({
      field,
      allowed: 'an integer of at least 1, or -1 for no limit',
      accepted: [1, 9999, 1e300, -1],
      refused: [0, -2, 2.5, 'x', Infinity, {}],
    })),
    { field: 'frequency_penalty', allowed: 'a number from -2 to 2', accepted: [-2, 0, 2], refused: [-2.1, 3] },
    { field: 'presence_penalty', allowed: 'a number from -2 to 2', accepted: [-2, 0, 2], refused: [-2.1, 3] },
    { field: 'repetition_penalty', allowed: 'a number above 0 to 2', accepted: [0.1, 2], refused: [0, -1, 2.01] },
  ];

  it.each(ranges)('takes $field from its range', ({ field, accepted }) => {
    for (const value of accepted) expect(() => parse({ [field]: value })).not.toThrow();
  });

  it.each(ranges)('refuses $field outside of it, naming the field, the range and the value', (range) => {
    for (const value of range.refused) {
      const { code, param, message } = failureOf({ [range.field]: value });
      expect({ code, param }).toEqual({ code: 'invalid_request', param: range.field });
      expect(message).toContain(`${range.field} must be ${range.allowed}, not `);
    }
  });

  it('shows the value that was refused', () => {
    expect(failureOf({ temperature: 3 }).message).toMatch(/not 3\.$/);
    expect(failureOf({ temperature: 'hot' }).message).toMatch(/not "hot"\.$/);
    expect(failureOf({ temperature: Infinity }).message).toMatch(/not Infinity\.$/);
    expect(failureOf({ temperature: { hot: true } }).message).toMatch(/not an object\.$/);
    expect(failureOf({ temperature: 'x'.repeat(1e6) }).message.length).toBeLessThan(150);
  });

  it('keeps seed 0, and reads top_k 0 as no limit', () => {
    expect(parse({ seed: 0, top_k: 0 }).sampling).toEqual({ seed: 0, topK: -1 });
    expect(parse({ top_k: -1 }).sampling).toEqual({ topK: -1 });
    expect(parse({ top_k: 7 }).sampling).toEqual({ topK: 7 });
  });

  it('draws a seed for -1', () => {
    expect(parse({ seed: -1 }).sampling).toEqual({});
  });

  it('holds a repetition penalty that no 32-bit float can hold, and that no logit survives', () => {
    expect(parse({ repetition_penalty: 1e-320 }).sampling.repetitionPenalty).toBe(1e-6);
    expect(parse({ repetition_penalty: 0.5 }).sampling.repetitionPenalty).toBe(0.5);
  });

  it('knows several names of max_completion_tokens, which must agree', () => {
    expect(parse({ max_tokens: 5, max_completion_tokens: 5 }).maxTokens).toBe(5);
    expect(failureOf({ max_completion_tokens: 3, max_tokens: 5 })).toMatchObject({ param: 'max_completion_tokens' });
    expect(parse({ max_tokens: 5, n_predict: 5 }).maxTokens).toBe(5);
    expect(failureOf({ max_tokens: 5, n_predict: 7 })).toMatchObject({
      code: 'invalid_request',
      param: 'max_tokens',
      message: 'max_tokens and n_predict contradict each other. Send only one of them.',
    });
    expect(parse({ max_tokens: 5 }).maxTokens).toBe(5);
    expect(parse({}).maxTokens).toBeUndefined();
  });
});

describe('fields', () => {
  it('reads all of them', () => {
    const request = parse({
      model: 'm',
      temperature: 0.5,
      top_p: 0.9,
      top_k: 40,
      min_p: 0.1,
      seed: 7,
      max_tokens: 9,
      frequency_penalty: 0.2,
      presence_penalty: 0.3,
      repetition_penalty: 1.1,
      stop: 'END',
      ignore_eos: true,
      cache_salt: 'tenant',
      stream: true,
      stream_options: { include_usage: true },
    });
    expect(request).toEqual({
      model: 'm',
      messages: [{ role: 'user', content: [{ type: 'text', text: 'hello' }] }],
      sampling: {
        temperature: 0.5,
        topP: 0.9,
        topK: 40,
        minP: 0.1,
        seed: 7,
        frequencyPenalty: 0.2,
        presencePenalty: 0.3,
        repetitionPenalty: 1.1,
      },
      ...GENERATION_DEFAULTS,
      maxTokens: 9,
      stop: ['END'],
      ignoreEos: true,
      cacheSalt: 'tenant',
      template: { variables: {}, addGenerationPrompt: true, continueFinalMessage: false },
      stream: true,
      imageDetails: false,
      askedBy: expect.objectContaining({ temperature: 'temperature', maxTokens: 'max_tokens' }) as object,
      answer: {
        choices: 1,
        hasLogProbs: false,
        showsReasoning: true,
        usesFunctionCall: false,
        prefix: '',
        streamUsage: 'last',
        timingsPerToken: false,
      },
    });
  });

  it('takes null for left out, in every field', () => {
    const fields = ['model', 'temperature', 'seed', 'max_tokens', 'stop', 'stream', 'stream_options', 'tools', 'n'];
    const nulls = Object.fromEntries([...fields, 'never_heard_of'].map((field) => [field, null]));
    expect(parse(nulls)).toEqual(parse({}));
  });

  it.each([
    ['a string', 'END', ['END']],
    ['a list', ['a', 'b'], ['a', 'b']],
    ['an empty list', [], []],
    ['sixteen', Array.from({ length: 16 }, String), Array.from({ length: 16 }, String)],
  ])('reads stop from %s', (_, stop, expected) => {
    expect(parse({ stop }).stop).toEqual(expected);
  });

  it.each([
    ['an empty string', ''],
    ['an empty string in a list', ['a', '']],
    ['seventeen', Array.from({ length: 17 }, String)],
    ['a number', 5],
    ['a list of numbers', [5]],
  ])('refuses %s as stop', (_, stop) => {
    expect(failureOf({ stop })).toMatchObject({
      code: 'invalid_request',
      param: expect.stringMatching(/^stop/) as string,
      message: expect.stringMatching(
        /^stop must be a non-empty string or an array of at most 16 of them, not /,
      ) as string,
    });
  });

  it('takes two names of one setting where they agree', () => {
    expect(parse({ repetition_penalty: 1.1, repeat_penalty: 1.1, options: { repeat_penalty: 1.1 } }).sampling).toEqual({
      repetitionPenalty: 1.1,
    });
    expect(failureOf({ repetition_penalty: 1.1, repeat_penalty: 1.2 })).toMatchObject({ param: 'repetition_penalty' });
    expect(failureOf({ stop: ['a'], options: { stop: 'b' } })).toMatchObject({ param: 'stop' });
  });

  it('names what was asked for, where it is not supported', () => {
    expect(messageOf({ audio: { type: 'speech' } })).toBe(
      'audio: speech is not supported by this server. Leave it out.',
    );
    expect(messageOf({ chat_template: 'x'.repeat(1e6) }).length).toBeLessThan(150);
    expect(messageOf({ tool_choice: { type: 'x'.repeat(1e6) } }).length).toBeLessThan(200);
  });

  it.each([
    ['model', 5, 'model must be a string, not 5.'],
    ['stream', 'yes', 'stream must be true or false, not "yes".'],
    ['ignore_eos', 1, 'ignore_eos must be true or false, not 1.'],
    ['cache_salt', 1, 'cache_salt must be a string, not 1.'],
    ['stream_options', true, 'stream_options must be an object, not true.'],
    ['stream_options', [], 'stream_options must be an object, not an array.'],
  ])('refuses %s: %j', (field, value, message) => {
    expect(failureOf({ [field]: value })).toMatchObject({ code: 'invalid_request', param: field, message });
  });

  it('names the path of a nested field', () => {
    expect(failureOf({ stream_options: { include_usage: 'yes' } })).toMatchObject({
      param: 'stream_options.include_usage',
      message: 'stream_options.include_usage must be true or false, not "yes".',
    });
  });
});

describe('the body', () => {
  it.each([[null], [[]], ['text'], [5], [undefined]])('must be an object, not %j', (body) => {
    const parseBody = () => parseChatRequest(body, { allowExtraFields: false });
    expect(parseBody).toThrow(expect.objectContaining({ code: 'invalid_request' }) as Error);
  });

  it('may have unknown fields only where that is allowed', () => {
    expect(failureOf({ temprature: 1 })).toMatchObject({
      code: 'invalid_request',
      param: 'temprature',
      message: expect.stringContaining('temprature is not a known field') as string,
    });
    const body = { messages: hello, temprature: 1 };
    expect(() => parseChatRequest(body, { allowExtraFields: true })).not.toThrow();
    expect(failureOf({ ['x'.repeat(1e6)]: 1 }).message.length).toBeLessThan(300);
  });

  it.each(['constructor', 'toString', 'hasOwnProperty', '__proto__'])('has no field %s', (field) => {
    const body: unknown = JSON.parse(`{"messages":${JSON.stringify(hello)},"${field}":1}`);
    const parseBody = () => parseChatRequest(body, { allowExtraFields: false });
    expect(parseBody).toThrow(expect.objectContaining({ code: 'invalid_request', param: field }) as Error);
  });
});
