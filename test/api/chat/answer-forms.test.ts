import { describe, expect, it } from 'vitest';
import type { AnswerSettings } from '../../../src/api/chat/index.ts';
import { ChunkWriter, toCompletion } from '../../../src/api/chat/index.ts';
import type { ChosenToken, GenerationEvent } from '../../../src/backend/index.ts';
import { sseValues } from '../answer/sse-json.ts';

const identity = { id: 'chatcmpl-1', created: 1, model: 'm', systemFingerprint: 'fp' };
const timings = { queueMs: 0, prefillMs: 6, decodeMs: 9 };
const plain: AnswerSettings = {
  choices: 1,
  showsReasoning: true,
  hasLogProbs: false,
  usesFunctionCall: false,
  prefix: '',
  streamUsage: 'none',
  timingsPerToken: false,
};

const start: GenerationEvent = { type: 'start', promptTokens: 7 };
const finish = (changes: object = {}): GenerationEvent => ({
  type: 'finish',
  reason: 'stop',
  usage: { promptTokens: 7, cachedTokens: 3, completionTokens: 4, reasoningTokens: 2 },
  timings,
  ...changes,
});
const text = (content: string, more: object = {}): GenerationEvent => ({
  type: 'text-delta',
  text: content,
  tokens: 1,
  ...more,
});
const thought = (content: string, more: object = {}): GenerationEvent =>
  ({ ...text(content, more), type: 'reasoning-delta' }) as GenerationEvent;
const call = (index: number, piece: string, begun?: { id: string; name: string }): GenerationEvent => ({
  type: 'tool-call-delta',
  index,
  arguments: piece,
  tokens: 1,
  ...(begun === undefined ? {} : { call: begun }),
});

async function* told(events: readonly GenerationEvent[]) {
  await Promise.resolve();
  yield* events;
}

function completion(events: readonly GenerationEvent[], changes: Partial<AnswerSettings> = {}) {
  return toCompletion(identity, told([start, ...events]), { ...plain, ...changes });
}

interface Chunk {
  readonly choices: readonly {
    readonly index: number;
    readonly delta: object;
    readonly logprobs: unknown;
    readonly finish_reason: unknown;
  }[];
  readonly usage?: unknown;
  readonly timings?: { readonly predicted_n: number };
  readonly prompt_progress?: unknown;
}

function chunks(events: readonly GenerationEvent[], changes: Partial<AnswerSettings> = {}): Chunk[] {
  return sseValues(new ChunkWriter(identity, { ...plain, ...changes }), [start, ...events]) as Chunk[];
}

function deltas(events: readonly GenerationEvent[], changes: Partial<AnswerSettings> = {}) {
  return chunks(events, changes).map(({ choices }) => choices[0]?.delta);
}

const calls = [
  call(0, '', { id: 'call_1', name: 'look' }),
  call(0, '{"at":'),
  call(0, '1}'),
  call(1, '{}', { id: 'call_2', name: 'wait' }),
  finish({ reason: 'tool_calls' }),
];

describe('tool calls', () => {
  it('take the place of the content', async () => {
    const { choices } = await completion(calls);
    expect(choices).toEqual([
      {
        index: 0,
        message: {
          role: 'assistant',
          content: null,
          refusal: null,
          tool_calls: [
            { id: 'call_1', type: 'function', function: { name: 'look', arguments: '{"at":1}' } },
            { id: 'call_2', type: 'function', function: { name: 'wait', arguments: '{}' } },
          ],
        },
        logprobs: null,
        finish_reason: 'tool_calls',
      },
    ]);
  });

  it('stand beside text that was said before them', async () => {
    const { choices } = await completion([text('Well. '), ...calls]);
    expect(choices[0]?.message).toMatchObject({ content: 'Well. ', tool_calls: [{}, {}] });
  });

  it('begin with id and name in a stream, and go on with their index', () => {
    expect(deltas(calls)).toEqual([
      { role: 'assistant', content: '' },
      { tool_calls: [{ index: 0, id: 'call_1', type: 'function', function: { name: 'look', arguments: '' } }] },
      { tool_calls: [{ index: 0, function: { arguments: '{"at":' } }] },
      { tool_calls: [{ index: 0, function: { arguments: '1}' } }] },
      { tool_calls: [{ index: 1, id: 'call_2', type: 'function', function: { name: 'wait', arguments: '{}' } }] },
      {},
    ]);
    expect(chunks(calls).at(-1)?.choices[0]?.finish_reason).toBe('tool_calls');
  });

  it("are OpenAI's function_call where the request has functions", async () => {
    const old = { usesFunctionCall: true };
    const { choices } = await completion(calls, old);
    expect(choices[0]).toMatchObject({
      message: { content: null, function_call: { name: 'look', arguments: '{"at":1}' } },
      finish_reason: 'function_call',
    });
    expect(choices[0]?.message).not.toHaveProperty('tool_calls');
    expect(deltas(calls, old).slice(1, -1)).toEqual([
      { function_call: { name: 'look', arguments: '' } },
      { function_call: { arguments: '{"at":' } },
      { function_call: { arguments: '1}' } },
    ]);
    expect(chunks(calls, old).at(-1)?.choices[0]?.finish_reason).toBe('function_call');
  });

  it('that go on without having begun are a defect of the backend', async () => {
    await expect(completion([call(0, '{}'), finish()])).rejects.toThrow('had not begun');
  });
});

describe('reasoning', () => {
  const events = [thought('Hm'), thought('.'), text('Yes.'), finish()];

  it('stands apart from the answer', async () => {
    const { choices, usage } = await completion(events);
    expect(choices[0]?.message).toEqual({
      role: 'assistant',
      content: 'Yes.',
      reasoning_content: 'Hm.',
      refusal: null,
    });
    expect(usage.completion_tokens_details.reasoning_tokens).toBe(2);
    expect(deltas(events).slice(1, -1)).toEqual([
      { reasoning_content: 'Hm' },
      { reasoning_content: '.' },
      { content: 'Yes.' },
    ]);
  });

  it('is left out where the request does not want it, and counted', async () => {
    const hidden = { showsReasoning: false, streamUsage: 'every' as const };
    const { choices, usage } = await completion(events, hidden);
    expect(choices[0]?.message).toEqual({ role: 'assistant', content: 'Yes.', refusal: null });
    expect(usage.completion_tokens).toBe(4);
    expect(deltas(events, hidden).slice(1, -2)).toEqual([{ content: 'Yes.' }]);
    expect(chunks(events, hidden)[1]?.usage).toMatchObject({ completion_tokens: 3 });
  });
});

const token = (said: string, logProb: number): ChosenToken => ({
  id: 5,
  text: said,
  bytes: [...Buffer.from(said)],
  logProb,
  likeliest: [{ id: 6, text: 'x', bytes: [120], logProb: -Infinity }],
});
const tokenJson = (said: string, logprob: number) => ({
  id: 5,
  token: said,
  bytes: [...Buffer.from(said)],
  logprob,
  top_logprobs: [{ id: 6, token: 'x', bytes: [120], logprob: -9999 }],
});

describe('log probabilities', () => {
  const events = [
    text('é', { logProbs: [token('é', -0.5)] }),
    text('', { logProbs: [token('', -1)] }),
    text('ab', { tokens: 2, logProbs: [token('a', -2), token('b', -3)] }),
    finish(),
  ];

  it('are those of all tokens', async () => {
    const { choices } = await completion(events, { hasLogProbs: true });
    expect(choices[0]?.logprobs).toEqual({
      content: [tokenJson('é', -0.5), tokenJson('', -1), tokenJson('a', -2), tokenJson('b', -3)],
      refusal: null,
    });
  });

  it('stand in the chunk of their tokens, though it has no text', () => {
    const all = chunks(events, { hasLogProbs: true });
    expect(all.map(({ choices }) => choices[0]?.logprobs)).toEqual([
      null,
      { content: [tokenJson('é', -0.5)], refusal: null },
      { content: [tokenJson('', -1)], refusal: null },
      { content: [tokenJson('a', -2), tokenJson('b', -3)], refusal: null },
      null,
    ]);
  });

  it('are an empty list for an answer without tokens, and null where not asked for', async () => {
    expect((await completion([finish()], { hasLogProbs: true })).choices[0]?.logprobs).toEqual({
      content: [],
      refusal: null,
    });
    expect((await completion(events)).choices[0]?.logprobs).toBeNull();
  });
});

describe('several answers', () => {
  const events = [
    text('b', { choice: 1 }),
    text('a', { choice: 0 }),
    finish({ choice: 1, reason: 'length' }),
    text('A'),
    finish({
      choice: 0,
      usage: { promptTokens: 7, cachedTokens: 1, completionTokens: 2 },
      timings: { ...timings, decodeMs: 4 },
    }),
  ];

  it('come in order, and count the prompt once', async () => {
    const { choices, usage, timings } = await completion(events, { choices: 2 });
    expect(choices.map(({ index, message, finish_reason: reason }) => [index, message.content, reason])).toEqual([
      [0, 'aA', 'stop'],
      [1, 'b', 'length'],
    ]);
    expect(usage).toMatchObject({
      prompt_tokens: 7,
      completion_tokens: 6,
      total_tokens: 13,
      prompt_tokens_details: { cached_tokens: 1 },
    });
    expect(timings).toMatchObject({ prompt_n: 6, predicted_n: 6, predicted_ms: 9 });
  });

  it('interleave in a stream, each with a role and an end, and one usage', () => {
    const all = chunks(events, { choices: 2, streamUsage: 'last' });
    expect(all.map(({ choices: [choice] }) => choice && [choice.index, choice.delta, choice.finish_reason])).toEqual([
      [0, { role: 'assistant', content: '' }, null],
      [1, { role: 'assistant', content: '' }, null],
      [1, { content: 'b' }, null],
      [0, { content: 'a' }, null],
      [1, {}, 'length'],
      [0, { content: 'A' }, null],
      [0, {}, 'stop'],
      undefined,
    ]);
    expect(all.filter(({ usage }) => usage !== null)).toMatchObject([{ choices: [], usage: { completion_tokens: 6 } }]);
    expect(all.filter(({ timings }) => timings !== undefined)).toHaveLength(1);
  });

  it('that do not all end are a defect of the backend', async () => {
    const events = [finish({ choice: 0 })];
    await expect(completion(events, { choices: 2 })).rejects.toThrow('without a finish event');
    expect(() => chunks(events, { choices: 2 })).toThrow('without a finish event');
  });
});

describe('an answer', () => {
  it('says what ended it', async () => {
    const events = [text('a'), finish({ reason: 'repetition', stoppedBy: 'END' })];
    expect((await completion(events)).choices[0]).toMatchObject({ finish_reason: 'repetition', stop_reason: 'END' });
    expect(chunks(events).at(-1)?.choices[0]).toMatchObject({
      finish_reason: 'repetition',
      stop_reason: 'END',
    });
  });

  it('begins with the text that it continues, where that is asked for', async () => {
    const events = [text(' a time'), finish()];
    expect((await completion(events, { prefix: 'Once upon' })).choices[0]?.message.content).toBe('Once upon a time');
    expect(deltas(events, { prefix: 'Once upon' }).slice(0, 3)).toEqual([
      { role: 'assistant', content: '' },
      { content: 'Once upon' },
      { content: ' a time' },
    ]);
  });

  it('without anything has empty content', async () => {
    expect((await completion([finish()])).choices[0]?.message.content).toBe('');
  });
});

describe('a stream', () => {
  it('reports how far the prompt is', () => {
    const all = chunks([
      { type: 'progress', promptTokens: 7, cachedTokens: 3, doneTokens: 3, ms: 0 },
      { type: 'progress', promptTokens: 7, cachedTokens: 3, doneTokens: 7, ms: 12 },
      text('a'),
      finish(),
    ]);
    expect(all.map((chunk) => chunk.prompt_progress)).toEqual([
      undefined,
      { total: 7, cache: 3, processed: 3, time_ms: 0 },
      { total: 7, cache: 3, processed: 7, time_ms: 12 },
      undefined,
      undefined,
    ]);
    expect(all[1]?.choices).toEqual([{ index: 0, delta: {}, logprobs: null, finish_reason: null }]);
  });

  it('has timings in every chunk but the first where that is asked for', () => {
    const prefilled: GenerationEvent = { type: 'prefilled', cachedTokens: 3, queueMs: 0, prefillMs: 6 };
    const all = chunks([prefilled, text('a'), text('b'), finish()], { timingsPerToken: true });
    expect(all.map(({ timings }) => timings?.predicted_n)).toEqual([undefined, 1, 2, 4]);
    expect(all[1]?.timings).toMatchObject({ cache_n: 3, prompt_n: 4, prompt_ms: 6, prompt_per_second: 4000 / 6 });
    expect(all.at(-1)?.timings).toMatchObject({ predicted_ms: 9, predicted_per_token_ms: 3 });
  });

  it('has no timings that are not numbers', async () => {
    const empty = { promptTokens: 0, cachedTokens: 0, completionTokens: 0 };
    const { timings } = await completion([
      finish({ usage: empty, timings: { queueMs: 0, prefillMs: 0, decodeMs: 0 } }),
    ]);
    expect(Object.values(timings)).toEqual(Array.from({ length: 9 }, () => 0));
  });
});
