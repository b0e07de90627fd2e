import { describe, expect, it } from 'vitest';
import { completionFormat, parseCompletionRequest } from '../../../src/api/completions/index.ts';
import type { GenerationEvent } from '../../../src/backend/index.ts';
import { sseValues } from '../answer/sse-json.ts';

const strict = { allowExtraFields: false };
interface UsageJson {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
}

const parse = (body: object) => parseCompletionRequest(body, strict);
const identity = { id: 'cmpl-1', created: 1, model: 'm', systemFingerprint: 'f' };
const png = 'data:image/png;base64,AAAA';

describe('a completion request', () => {
  it.each([
    ['a text', 'Hi', [[{ type: 'text', text: 'Hi' }]]],
    ['tokens', [1, 2], [[{ type: 'tokens', tokens: [1, 2], param: 'prompt' }]]],
    ['texts', ['a', 'b'], [[{ type: 'text', text: 'a' }], [{ type: 'text', text: 'b' }]]],
    [
      'lists of tokens',
      [[1], [2, 3]],
      [[{ type: 'tokens', tokens: [1], param: 'prompt[0]' }], [{ type: 'tokens', tokens: [2, 3], param: 'prompt[1]' }]],
    ],
    [
      'tokens and texts mixed',
      [1, 'a', 2],
      [
        [
          { type: 'tokens', tokens: [1], param: 'prompt' },
          { type: 'text', text: 'a' },
          { type: 'tokens', tokens: [2], param: 'prompt' },
        ],
      ],
    ],
    [
      'a text with images',
      { prompt_string: 'a<__image__>b', multimodal_data: [png] },
      [
        [
          { type: 'text', text: 'a' },
          { type: 'image', url: png, param: 'prompt.multimodal_data[0]' },
          { type: 'text', text: 'b' },
        ],
      ],
    ],
  ])('takes %s', (_name, prompt, expected) => {
    expect(parse({ prompt }).prompts).toEqual(expected);
  });

  it.each([
    ['prompt', {}],
    ['prompt', { prompt: [] }],
    ['prompt[1]', { prompt: [1, -1] }],
    ['prompt[1]', { prompt: ['a', 5.5] }],
    ['prompt.multimodal_data', { prompt: { prompt_string: 'a', multimodal_data: [png] } }],
    ['suffix', { prompt: 'a', suffix: 'b' }],
    ['best_of', { prompt: 'a', best_of: 2 }],
    ['logprobs', { prompt: 'a', logprobs: 21 }],
    ['echo', { prompt: { prompt_string: '<__image__>', multimodal_data: [png] }, echo: true }],
    ['messages', { prompt: 'a', messages: [] }],
    ['add_special_tokens', { prompt: 'a', add_special_tokens: false }],
  ])('is refused for its %s', (param, body) => {
    expect(() => parse(body)).toThrow(expect.objectContaining({ param }) as Error);
  });

  it('generates 16 tokens unless it says otherwise', () => {
    expect(parse({ prompt: 'a' }).maxTokens).toBe(16);
    expect(parse({ prompt: 'a', max_tokens: -1 }).maxTokens).toBeUndefined();
    expect(parse({ prompt: 'a', max_tokens: 0 })).toMatchObject({ maxTokens: 1, answer: { dropsAnswer: true } });
    expect(parse({ prompt: 'a', n: 2, best_of: 2 }).choices).toBe(2);
  });
});

const token = (id: number, text: string, logProb: number | undefined) => ({
  id,
  text,
  bytes: [...Buffer.from(text)],
  logProb,
  likeliest: logProb === undefined ? [] : [{ id: 9, text: 'z', bytes: [122], logProb: -0.5 }],
});

/** Two prompts, of which the second is answered first. */
const events: GenerationEvent[] = [
  { type: 'start', promptTokens: 3 },
  { type: 'start', promptTokens: 2, choice: 1 },
  {
    type: 'prefilled',
    choice: 1,
    cachedTokens: 0,
    queueMs: 0,
    prefillMs: 1,
    promptLogProbs: [token(4, '🙂', undefined), token(5, 'b', -2)],
  },
  { type: 'text-delta', choice: 1, text: 'B', tokens: 1, logProbs: [{ ...token(6, 'B', -1), logProb: -1 }] },
  {
    type: 'finish',
    choice: 1,
    reason: 'stop',
    usage: { promptTokens: 2, cachedTokens: 0, completionTokens: 2 },
    timings: { queueMs: 0, prefillMs: 1, decodeMs: 1 },
  },
  {
    type: 'prefilled',
    cachedTokens: 0,
    queueMs: 0,
    prefillMs: 1,
    promptLogProbs: [token(1, '<bos>', undefined), token(2, 'a', -1), token(3, 'a', -Infinity)],
  },
  { type: 'text-delta', text: 'A', tokens: 1, logProbs: [{ ...token(7, 'A', -1), logProb: -1 }] },
  {
    type: 'finish',
    reason: 'length',
    usage: { promptTokens: 3, cachedTokens: 1, completionTokens: 1 },
    timings: { queueMs: 0, prefillMs: 1, decodeMs: 1 },
  },
];

async function* stream() {
  await Promise.resolve();
  yield* events;
}

describe('a completion', () => {
  const body = { prompt: ['aa', [4, 5]], echo: true, logprobs: 1, max_tokens: 1 };

  it('tells each prompt and answer with its log probabilities, in the order of the prompts', async () => {
    const { choices, usage } = (await completionFormat.answer(identity, stream(), parse(body))) as {
      choices: unknown;
      usage: unknown;
    };
    expect(choices).toEqual([
      {
        index: 0,
        text: 'aaA',
        finish_reason: 'length',
        logprobs: {
          tokens: ['<bos>', 'a', 'a', 'A'],
          token_logprobs: [null, -1, -9999, -1],
          top_logprobs: [null, { z: -0.5, a: -1 }, { z: -0.5, a: -9999 }, { z: -0.5, A: -1 }],
          text_offset: [0, 0, 1, 2],
        },
      },
      {
        index: 1,
        text: '🙂bB',
        finish_reason: 'stop',
        logprobs: {
          // The end of the answer is a token, too.
          tokens: ['🙂', 'b', 'B', ''],
          token_logprobs: [null, -2, -1, null],
          top_logprobs: [null, { z: -0.5, b: -2 }, { z: -0.5, B: -1 }, null],
          text_offset: [0, 1, 2, 3],
        },
      },
    ]);
    expect(usage).toMatchObject({ prompt_tokens: 5, completion_tokens: 3, total_tokens: 8 });
  });

  it('is the same streamed', async () => {
    const request = parse({ ...body, stream: true, stream_options: { include_usage: true } });
    const whole = (await completionFormat.answer(identity, stream(), request)) as Record<string, unknown>;
    const writer = completionFormat.writer(identity, request);
    const texts = [...events.flatMap((event) => [...writer.of(event)]), ...writer.end()];
    expect(texts.pop()).toBe('data: [DONE]\n\n');
    const chunks = texts.map((text) => JSON.parse(text.slice('data: '.length)) as Record<string, unknown>);
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: whole['usage'] });
    const pieces = chunks.flatMap(({ choices }) => choices as { index: number; text: string }[]);
    for (const [index, { text }] of (whole['choices'] as { text: string }[]).entries()) {
      const own = pieces.filter((piece) => piece.index === index);
      expect(own.map((piece) => piece.text).join('')).toBe(text);
    }
  });

  it('tells the usage so far in each chunk, where that is asked for', () => {
    const asked = { include_usage: true, continuous_usage_stats: true };
    const request = parse({ ...body, stream: true, stream_options: asked });
    const writer = completionFormat.writer(identity, request);
    const chunks = events.flatMap((event) => [...writer.of(event)]);
    const usages = chunks.map((text) => (JSON.parse(text.slice('data: '.length)) as { usage: UsageJson }).usage);
    for (const { prompt_tokens: prompt, completion_tokens: completion, total_tokens: total } of usages) {
      expect(total).toBe(prompt + completion);
    }
    const counts = usages.map(({ completion_tokens: tokens }) => tokens);
    expect(counts).toEqual(counts.toSorted((a, b) => a - b));
    expect(usages.at(-1)).toMatchObject({ prompt_tokens: 5, completion_tokens: 3 });
  });

  it.each([{}, { stream_options: { include_usage: true } }])(
    "has llama-server's timings, streamed in the very last chunk (%j)",
    async (options) => {
      const timings = { cache_n: 1, prompt_n: 4, prompt_ms: 1, predicted_n: 3, predicted_ms: 1 };
      const request = parse({ ...body, ...options, stream: true });
      expect(await completionFormat.answer(identity, stream(), request)).toMatchObject({ timings });
      const chunks = sseValues(completionFormat.writer(identity, request), events) as object[];
      expect(chunks.filter((chunk) => 'timings' in chunk)).toEqual([chunks.at(-1)]);
      expect(chunks.at(-1)).toMatchObject({ timings });
    },
  );

  it('has the timings so far in every chunk behind the first token, and the progress, where they are asked for', () => {
    const request = parse({ prompt: 'a', stream: true, timings_per_token: true, return_progress: true });
    const progress = { promptTokens: 3, cachedTokens: 1, doneTokens: 2, ms: 4 };
    const finish = { ...events.at(-1), reason: 'length' } as GenerationEvent;
    const told: GenerationEvent[] = [
      { type: 'start', promptTokens: 3 },
      { type: 'progress', ...progress },
      { type: 'prefilled', cachedTokens: 1, queueMs: 0, prefillMs: 1 },
      { type: 'text-delta', text: 'A', tokens: 1 },
      finish,
    ];
    expect(request.reportProgress).toBe(true);
    expect(sseValues(completionFormat.writer(identity, request), told)).toMatchObject([
      { choices: [{ text: '' }], prompt_progress: { total: 3, cache: 1, processed: 2, time_ms: 4 } },
      { choices: [{ text: 'A' }], timings: { cache_n: 1, prompt_n: 2, predicted_n: 1 } },
      { choices: [{ finish_reason: 'length' }], timings: { cache_n: 1, prompt_n: 2, predicted_n: 1 } },
    ]);
  });

  it('leaves out what was generated where nothing was asked for', async () => {
    const { choices } = (await completionFormat.answer(identity, stream(), parse({ ...body, max_tokens: 0 }))) as {
      choices: { text: string; finish_reason: string; logprobs: { tokens: string[] } }[];
    };
    expect(choices.map(({ text }) => text)).toEqual(['aa', '🙂b']);
    expect(choices[0]).toMatchObject({ finish_reason: 'length', logprobs: { tokens: ['<bos>', 'a', 'a'] } });
  });
});
