import { describe, expect, it } from 'vitest';
import { llamaCompletionFormat } from '../../../src/api/completions/index.ts';
import type { ChosenToken, GenerationEvent, ModelInfo } from '../../../src/backend/index.ts';
import { sseValues } from '../answer/sse-json.ts';

const info: ModelInfo = {
  capabilities: { vision: false, rawPrompts: true, logProbs: true },
  contextLength: 64,
  maxBatchSize: 2,
  samplingDefaults: { topK: 7 },
  device: 'cpu',
};
const format = llamaCompletionFormat(info);
const parse = (body: object, of = format) => of.parse(body, { allowExtraFields: false });
const identity = { id: 'cmpl-1', created: 1, model: 'm', systemFingerprint: 'f' };

const token = (id: number, text: string): ChosenToken => ({
  id,
  text,
  bytes: [...Buffer.from(text)],
  logProb: -id,
  likeliest: [{ id, text, bytes: [...Buffer.from(text)], logProb: -id }],
});
const usage = { promptTokens: 3, cachedTokens: 1, completionTokens: 2 };
const timings = { queueMs: 0, prefillMs: 10, decodeMs: 20 };
const events: GenerationEvent[] = [
  { type: 'start', promptTokens: 3 },
  { type: 'prefilled', cachedTokens: 1, queueMs: 0, prefillMs: 10 },
  { type: 'text-delta', text: 'a', tokens: 1, logProbs: [token(1, 'a')] },
  { type: 'text-delta', text: '\nb', tokens: 1, logProbs: [token(2, '\nb')] },
  { type: 'finish', reason: 'stop', stoppedBy: '.', usage, timings },
];

async function* stream(all = events): AsyncGenerator<GenerationEvent> {
  for (const event of all) yield await Promise.resolve(event);
}

describe("llama-server's completion", () => {
  it('tells the text, how it ended, and every setting', async () => {
    const request = parse({ prompt: 'Hi', n_predict: 8, temperature: 0.5, stop: ['.'], return_tokens: true });
    expect(await format.answer(identity, stream(), request)).toMatchObject({
      index: 0,
      content: 'a\nb',
      tokens: [1, 2],
      stop: true,
      model: 'm',
      prompt: 'Hi',
      tokens_predicted: 2,
      tokens_evaluated: 3,
      tokens_cached: 5,
      has_new_line: true,
      truncated: false,
      stop_type: 'word',
      stopping_word: '.',
      timings: { cache_n: 1, prompt_n: 2, predicted_n: 2 },
      generation_settings: { n_predict: 8, max_tokens: 8, temperature: 0.5, top_k: 7, stop: ['.'], stream: false },
    });
  });

  it('asks for no log probabilities where nothing of them is told', () => {
    expect(parse({ prompt: 'Hi' }).logProbs).toBeUndefined();
    expect(parse({ prompt: 'Hi', stream: true }).logProbs).toBe(0);
    expect(parse({ prompt: 'Hi', n_probs: 3 })).toMatchObject({ logProbs: 3, askedBy: { logProbs: 'n_probs' } });
    const blind = llamaCompletionFormat({ ...info, capabilities: { vision: false, rawPrompts: true } });
    expect(parse({ prompt: 'Hi', stream: true }, blind).logProbs).toBeUndefined();
  });

  it.each([
    ['the model', 'eos', false, { reason: 'stop' }],
    ['its limit', 'limit', false, { reason: 'length' }],
    ['the context', 'limit', true, { reason: 'length', usage: { ...usage, completionTokens: 1 } }],
  ] as const)('says what ended it: %s', async (_name, stopType, truncated, end) => {
    const all = events.slice(0, -1);
    const ended = stream([...all, { type: 'finish', usage, timings, ...end }]);
    const answer = await format.answer(identity, ended, parse({ prompt: 'Hi', n_predict: 2 }));
    expect(answer).toMatchObject({ stop_type: stopType, stopping_word: '', truncated });
  });

  it('has log probabilities, where they are asked for, in the order of the tokens', async () => {
    const answer = await format.answer(identity, stream(), parse({ prompt: 'Hi', n_probs: 1 }));
    expect(answer).toMatchObject({
      completion_probabilities: [
        { id: 1, token: 'a', logprob: -1, top_logprobs: [{ id: 1 }] },
        { id: 2, token: '\nb', logprob: -2 },
      ],
      tokens: [],
    });
  });

  it('is told in pieces, and a last one without text; there is no [DONE]', () => {
    const writer = format.writer(identity, parse({ prompt: 'Hi', stream: true }));
    const texts = [...events.flatMap((event) => [...writer.of(event)]), ...writer.end()];
    const pieces = texts.map((text) => JSON.parse(text.slice('data: '.length)) as Record<string, unknown>);
    expect(pieces).toMatchObject([
      { content: 'a', tokens: [1], stop: false, tokens_predicted: 1, tokens_evaluated: 3 },
      { content: '\nb', tokens: [2], stop: false, tokens_predicted: 2 },
      { content: '', tokens: [], stop: true, stop_type: 'word', generation_settings: { stream: true } },
    ]);
  });

  it('has the probabilities of one token in each piece, unless a character is shared by several', () => {
    const together: GenerationEvent[] = [
      { type: 'start', promptTokens: 3 },
      { type: 'text-delta', text: 'ab', tokens: 2, logProbs: [token(1, 'a'), token(2, 'b')] },
      { type: 'text-delta', text: 'é', tokens: 2, logProbs: [token(3, '\uFFFD'), token(4, '\uFFFD')] },
      ...events.slice(-1),
    ];
    const idsOf = (body: object): unknown[] => {
      const writer = format.writer(identity, parse({ prompt: 'Hi', stream: true, ...body }));
      return sseValues(writer, together).map((piece) => (piece as { tokens: number[] }).tokens);
    };
    expect(idsOf({ n_probs: 1 })).toEqual([[1], [2], [3, 4], []]);
    expect(idsOf({})).toEqual([[1, 2], [3, 4], []]);
  });

  it('has the timings so far in every piece, where they are asked for', () => {
    const writer = format.writer(identity, parse({ prompt: 'Hi', stream: true, timings_per_token: true }));
    const pieces = events.flatMap((event) =>
      writer.of(event).map((text) => JSON.parse(text.slice('data: '.length)) as object),
    );
    expect(pieces).toMatchObject([
      { timings: { cache_n: 1, prompt_n: 2, prompt_ms: 10, predicted_n: 1 } },
      { timings: { predicted_n: 2 } },
      { timings: { predicted_ms: 20 } },
    ]);
  });

  it('has the fields that are asked for, and answers several prompts with a list', async () => {
    const fields = ['content', 'timings/prompt_n', 'generation_settings/n_predict', 'nothing'];
    const one = await format.answer(identity, stream(), parse({ prompt: 'Hi', n_predict: 2, response_fields: fields }));
    expect(one).toEqual({ content: 'a\nb', 'timings/prompt_n': 2, 'generation_settings/n_predict': 2 });
    const second = events.map((event) => ({ ...event, choice: 1 }) as GenerationEvent);
    const request = parse({ prompt: ['Hi', [5]] });
    expect(format.generations?.(request)).toHaveLength(2);
    const both = await format.answer(identity, stream([...second, ...events]), request);
    expect(both).toMatchObject([
      { index: 0, prompt: 'Hi' },
      { index: 1, prompt: '' },
    ]);
  });

  it.each([
    ['prompt', {}],
    ['post_sampling_probs', { prompt: 'a', post_sampling_probs: true }],
    ['n_indent', { prompt: 'a', n_indent: 2 }],
    ['nobody_knows', { prompt: 'a', nobody_knows: 1 }],
  ])('is refused for its %s', (param, body) => {
    expect(() => parse(body)).toThrow(expect.objectContaining({ param }) as Error);
  });
});
