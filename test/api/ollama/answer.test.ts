import { describe, expect, it } from 'vitest';
import type { WireFormat } from '../../../src/api/index.ts';
import type { OllamaRequest } from '../../../src/api/ollama/index.ts';
import { ollamaChatFormat, ollamaErrors, ollamaGenerateFormat } from '../../../src/api/ollama/index.ts';
import type { FinishReason, GenerationEvent } from '../../../src/backend/index.ts';
import { VserveError } from '../../../src/errors/index.ts';
import { failureOf, model } from './support.ts';

const identity = { id: '', created: 0, model: 'org/model', systemFingerprint: '' };
const usage = { promptTokens: 7, cachedTokens: 3, completionTokens: 9 };
const timings = { queueMs: 1, prefillMs: 8, decodeMs: 5.5 };
const token = { id: 1, text: 'red', bytes: [114, 101, 100], logProb: -0.5, likeliest: [] };
const other = { id: 2, text: 'é', bytes: [195, 169], logProb: -Infinity };

function finish(reason: FinishReason): GenerationEvent {
  return { type: 'finish', reason, usage, timings };
}

const events: readonly GenerationEvent[] = [
  { type: 'start', promptTokens: 7 },
  { type: 'prefilled', cachedTokens: 3, queueMs: 1, prefillMs: 8 },
  { type: 'reasoning-delta', text: 'I see', tokens: 1 },
  { type: 'reasoning-delta', text: ' it.', tokens: 1 },
  { type: 'text-delta', text: 'A ', tokens: 1 },
  { type: 'text-delta', text: '', tokens: 1 },
  { type: 'text-delta', text: 'red', tokens: 1, logProbs: [{ ...token, likeliest: [token, other] }] },
  { type: 'tool-call-delta', index: 0, call: { id: 'a', name: 'look' }, arguments: '', tokens: 1 },
  { type: 'tool-call-delta', index: 0, arguments: '{"at":', tokens: 1, logProbs: [token] },
  { type: 'tool-call-delta', index: 0, arguments: '"left"}', tokens: 1 },
  { type: 'tool-call-delta', index: 1, call: { id: 'b', name: 'find' }, arguments: '', tokens: 1 },
  finish('tool_calls'),
];
const metrics = {
  total_duration: 14_500_000,
  load_duration: 0,
  prompt_eval_count: 7,
  prompt_eval_duration: 8_000_000,
  eval_count: 9,
  eval_duration: 5_500_000,
};
const calls = [
  { id: 'a', function: { index: 0, name: 'look', arguments: { at: 'left' } } },
  { id: 'b', function: { index: 1, name: 'find', arguments: {} } },
];
const logProbs = [
  {
    token: 'red',
    logprob: -0.5,
    bytes: [114, 101, 100],
    top_logprobs: [
      { token: 'red', logprob: -0.5, bytes: [114, 101, 100] },
      { token: 'é', logprob: -9999, bytes: [195, 169] },
    ],
  },
  { token: 'red', logprob: -0.5, bytes: [114, 101, 100] },
];
const head = { model: 'org/model:latest', created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string };

async function* generation(told: readonly GenerationEvent[]) {
  yield* told;
  await Promise.resolve();
}

function requestOf(format: WireFormat<OllamaRequest>, fields: object = {}): OllamaRequest {
  const body = { model: 'org/model:latest', messages: [{ role: 'user', content: 'hi' }], prompt: 'hi', ...fields };
  const { messages, prompt, ...common } = body;
  const isChat = format === chat;
  return format.parse(isChat ? { messages, ...common } : { prompt, ...common }, { allowExtraFields: false });
}

const chat = ollamaChatFormat(model);
const generate = ollamaGenerateFormat(model);

function linesOf(format: WireFormat<OllamaRequest>, told: readonly GenerationEvent[]): unknown[] {
  const writer = format.writer(identity, requestOf(format));
  const texts = [...told.flatMap((event) => writer.of(event)), ...writer.end()];
  expect(texts.every((text) => /^[^\n]+\n$/.test(text))).toBe(true);
  return texts.map((text) => JSON.parse(text) as unknown);
}

describe('an answer in one piece', () => {
  it("is Ollama's message", async () => {
    expect(await chat.answer(identity, generation(events), requestOf(chat))).toEqual({
      ...head,
      message: { role: 'assistant', content: 'A red', thinking: 'I see it.', tool_calls: calls },
      done: true,
      done_reason: 'stop',
      ...metrics,
      logprobs: logProbs,
    });
  });

  it("is Ollama's response", async () => {
    const plain = events.filter(({ type }) => type === 'start' || type === 'text-delta');
    expect(await generate.answer(identity, generation([...plain, finish('length')]), requestOf(generate))).toEqual({
      ...head,
      response: 'A red',
      done: true,
      done_reason: 'length',
      ...metrics,
      logprobs: logProbs.slice(0, 1),
    });
  });

  it('leaves out a call that the limit cut', async () => {
    const cut = [...events.slice(0, 9), finish('length')];
    const answer = await chat.answer(identity, generation(cut), requestOf(chat));
    expect(answer).toMatchObject({ message: { content: 'A red' }, done_reason: 'length' });
    expect(answer).not.toHaveProperty('message.tool_calls');
  });
});

function line(message: object, rest: object = {}) {
  return { ...head, message: { role: 'assistant', content: '', ...message }, done: false, ...rest };
}

describe('a stream', () => {
  it('is an object a line, calls whole, and the numbers in the last', () => {
    expect(linesOf(chat, events)).toEqual([
      line({ thinking: 'I see' }),
      line({ thinking: ' it.' }),
      line({ content: 'A ' }),
      line({ content: 'red' }, { logprobs: logProbs.slice(0, 1) }),
      line({ tool_calls: calls.slice(0, 1) }, { logprobs: logProbs.slice(1) }),
      line({ tool_calls: calls.slice(1) }),
      { ...line({}), done: true, done_reason: 'stop', ...metrics },
    ]);
  });

  it.each([
    ['chat', chat],
    ['generate', generate],
  ])('of %s says the same as the answer in one piece', async (_name, format) => {
    const whole = (await format.answer(identity, generation(events), requestOf(format))) as Record<string, unknown>;
    const lines = linesOf(format, events) as Record<string, unknown>[];
    const texts = lines.map((line) => (line['message'] ?? line) as Record<string, unknown>);
    const joined = (key: string) => texts.map((pieces) => (pieces[key] ?? '') as string).join('');
    const last = (whole['message'] ?? whole) as Record<string, unknown>;
    const text = format === chat ? 'content' : 'response';
    expect([joined(text), joined('thinking')]).toEqual([last[text], last['thinking']]);
    expect(texts.flatMap((pieces) => pieces['tool_calls'] ?? [])).toEqual(last['tool_calls']);
    expect(lines.at(-1)).toMatchObject(metrics);
  });

  it('fails if the generation has no end', () => {
    expect(() => linesOf(chat, events.slice(0, -1))).toThrow(/finish/);
  });
});

describe('a request without a prompt', () => {
  it('is answered at once', () => {
    expect(chat.answerAtOnce?.(requestOf(chat, { messages: [] }))).toEqual({
      ...head,
      message: { role: 'assistant', content: '' },
      done: true,
      done_reason: 'load',
    });
    expect(generate.answerAtOnce?.(requestOf(generate, { prompt: '' }))).toMatchObject({
      response: '',
      done_reason: 'load',
    });
    expect(chat.answerAtOnce?.(requestOf(chat))).toBeUndefined();
  });

  it('cannot unload the model', () => {
    const request = requestOf(generate, { prompt: '', keep_alive: 0 });
    expect(failureOf(() => generate.answerAtOnce?.(request))).toEqual([
      'unsupported_capability',
      'keep_alive',
      expect.stringContaining('Stop the server') as string,
    ]);
  });
});

it('an error is a text', () => {
  const error = new VserveError('invalid_request', 'think must be true.', { param: 'think' });
  expect(ollamaErrors.json(error)).toEqual({ error: 'think must be true.' });
  expect(ollamaErrors.text(error)).toBe('{"error":"think must be true."}\n');
});
