import { describe, expect, it } from 'vitest';
import type { StreamUsage } from '../../../src/api/answer/stream-usage.ts';
import type { AnswerSettings } from '../../../src/api/chat/index.ts';
import type { GenerationEvent } from '../../../src/backend/index.ts';
import { ChunkWriter, toCompletion } from '../../../src/api/chat/index.ts';
import { errorJson } from '../../../src/api/index.ts';
import { VserveError } from '../../../src/errors/index.ts';
import { sseValues } from '../answer/sse-json.ts';

const identity = { id: 'chatcmpl-1', created: 1700000000, model: 'google/gemma-3-4b-it', systemFingerprint: 'fp' };
const usage = { promptTokens: 7, cachedTokens: 3, completionTokens: 2 };
const timings = { queueMs: 1, prefillMs: 8, decodeMs: 5 };
const events: readonly GenerationEvent[] = [
  { type: 'start', promptTokens: 7 },
  { type: 'text-delta', text: 'Hello ', tokens: 1 },
  { type: 'text-delta', text: 'wörld', tokens: 1 },
  { type: 'finish', reason: 'length', usage, timings },
];
const usageJson = {
  prompt_tokens: 7,
  completion_tokens: 2,
  total_tokens: 9,
  prompt_tokens_details: { cached_tokens: 3 },
  completion_tokens_details: { reasoning_tokens: 0 },
};

const plain: AnswerSettings = {
  choices: 1,
  showsReasoning: true,
  hasLogProbs: false,
  usesFunctionCall: false,
  prefix: '',
  streamUsage: 'none',
  timingsPerToken: false,
};
const timingsJson = {
  cache_n: 3,
  prompt_n: 4,
  prompt_ms: 8,
  prompt_per_token_ms: 2,
  prompt_per_second: 500,
  predicted_n: 2,
  predicted_ms: 5,
  predicted_per_token_ms: 5,
  predicted_per_second: 200,
};

async function* generation(told: readonly GenerationEvent[], onEnd?: () => void) {
  yield* told;
  await Promise.resolve();
  onEnd?.();
}

function chunksOf(told: readonly GenerationEvent[], streamUsage: StreamUsage) {
  return chunksWith({ streamUsage }, told);
}

function chunksWith(changes: Partial<AnswerSettings>, told: readonly GenerationEvent[]) {
  return sseValues(new ChunkWriter(identity, { ...plain, ...changes }), told);
}

const envelope = {
  id: 'chatcmpl-1',
  object: 'chat.completion.chunk',
  created: 1700000000,
  model: 'google/gemma-3-4b-it',
  system_fingerprint: 'fp',
};

function choice(delta: object, finish_reason: string | null = null) {
  return { choices: [{ index: 0, delta, logprobs: null, finish_reason }] };
}

describe('a completion', () => {
  it("is OpenAI's object", async () => {
    expect(await toCompletion(identity, generation(events), plain)).toEqual({
      id: 'chatcmpl-1',
      object: 'chat.completion',
      created: 1700000000,
      model: 'google/gemma-3-4b-it',
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: 'Hello wörld', refusal: null },
          logprobs: null,
          finish_reason: 'length',
        },
      ],
      usage: usageJson,
      system_fingerprint: 'fp',
      timings: timingsJson,
    });
  });
});

describe('chunks', () => {
  it('begin with the role, hold the text, and end with the reason', () => {
    expect(chunksOf(events, 'none')).toEqual([
      { ...envelope, ...choice({ role: 'assistant', content: '' }) },
      { ...envelope, ...choice({ content: 'Hello ' }) },
      { ...envelope, ...choice({ content: 'wörld' }) },
      { ...envelope, ...choice({}, 'length'), timings: timingsJson },
    ]);
  });

  it('have usage null and a last one with the usage where that is asked for', () => {
    const chunks = chunksOf(events, 'last');
    const others = chunksOf(events, 'none') as { timings?: object }[];
    expect(chunks.slice(0, -1)).toEqual(others.map((chunk) => ({ ...chunk, usage: null, timings: undefined })));
    expect(chunks.at(-1)).toEqual({ ...envelope, choices: [], usage: usageJson, timings: timingsJson });
  });
});

describe('chunks with the usage so far', () => {
  it('count the tokens of each, and end with all', () => {
    const chunks = chunksOf(events, 'every') as { usage: { completion_tokens: number } }[];
    expect(chunks.map(({ usage }) => usage.completion_tokens)).toEqual([0, 1, 2, 2, 2]);
    expect(chunks[1]?.usage).toEqual({ prompt_tokens: 7, completion_tokens: 1, total_tokens: 8 });
    expect(chunks.at(-1)).toEqual({ ...envelope, choices: [], usage: usageJson, timings: timingsJson });
  });
});

describe('a generation', () => {
  it('is read to its end', async () => {
    let ends = 0;
    const onEnd = () => void (ends += 1);
    await toCompletion(identity, generation(events, onEnd), plain);
    expect(ends).toBe(1);
  });

  it('that never finishes is a defect of the backend, not an answer', async () => {
    const unfinished = events.slice(0, -1);
    await expect(toCompletion(identity, generation(unfinished), plain)).rejects.toThrow('without a finish event');
    expect(() => chunksOf(unfinished, 'none')).toThrow('without a finish event');
  });
});

describe('an error', () => {
  it('of ours is told', () => {
    const error = new VserveError('undecodable', 'No image.', { param: 'messages[0].content[0]' });
    expect(errorJson(error)).toEqual({
      error: {
        code: 'undecodable',
        message: 'No image.',
        param: 'messages[0].content[0]',
        type: 'invalid_request_error',
      },
    });
    expect(errorJson(new VserveError('at_capacity', 'Later.')).error).toMatchObject({
      param: null,
      type: 'rate_limit_error',
    });
  });

  it.each([[new Error('secret')], ['secret'], [{ secret: 1 }], [undefined]])(
    'that is not ours says nothing: %j',
    (error) => {
      const json = errorJson(error);
      expect(json.error).toMatchObject({ code: 'internal_error', param: null, type: 'api_error' });
      expect(JSON.stringify(json)).not.toContain('secret');
    },
  );
});
