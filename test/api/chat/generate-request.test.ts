import { describe, expect, it } from 'vitest';
import type { Bitmap } from '../../../src/backend/index.ts';
import { toGenerateRequest } from '../../../src/api/index.ts';
import { SAMPLING_DEFAULTS } from '../../../src/api/request-defaults.ts';
import { everything, infoWith, parse } from './support.ts';

function bitmap(id: string): Bitmap {
  return { width: 1, height: 1, rgb: new Uint8Array(3), id };
}

const twoImages = parse({
  messages: [
    { role: 'system', content: 'look' },
    {
      role: 'user',
      content: [
        { type: 'image_url', image_url: 'data:,a' },
        { type: 'text', text: 'and' },
        { type: 'image_url', image_url: 'data:,b' },
      ],
    },
  ],
});

describe('sampling defaults', () => {
  it("are max serve's where nothing is said", () => {
    const { sampling, ...rest } = toGenerateRequest(parse({}), infoWith(everything), []);
    expect(sampling).toEqual(SAMPLING_DEFAULTS);
    expect(sampling).toMatchObject({ temperature: 1, topP: 1, topK: -1, minP: 0, repetitionPenalty: 1 });
    expect(rest).toMatchObject({ maxTokens: undefined, stop: [], ignoreEos: false });
  });

  it("keep the model's order, and apply behind it what only the request asks for", () => {
    const model = infoWith(everything, { samplers: ['topK', 'temperature'], topP: 0.9 });
    const asked = { min_p: 0.1, no_repeat_ngram_size: 3 };
    expect(toGenerateRequest(parse(asked), model, []).sampling.samplers).toEqual([
      'topK',
      'temperature',
      'noRepeatNgram',
      'minP',
    ]);
    expect(toGenerateRequest(parse({}), model, []).sampling.samplers).toEqual(['topK', 'temperature']);
  });

  it('put the request before the model, and the model before these', () => {
    const model = { temperature: 0.6, topK: 64, topP: 0.95 };
    const { sampling } = toGenerateRequest(
      parse({ temperature: 0, top_k: 0, top_p: null }),
      infoWith(everything, model),
      [],
    );
    expect(sampling).toMatchObject({ temperature: 0, topK: -1, topP: 0.95, minP: 0 });
  });
});

describe("a model's own lengths", () => {
  const info = { ...infoWith(everything), generationDefaults: { minTokens: 3, maxTokens: 100 } };
  const lengths = (fields: object) => toGenerateRequest(parse(fields), info, []);

  it('hold where the request says nothing', () => {
    expect(lengths({})).toMatchObject({ minTokens: 3, maxTokens: 100 });
    expect(lengths({ max_tokens: 200 })).toMatchObject({ minTokens: 3, maxTokens: 200 });
    expect(lengths({ min_tokens: 0 })).toMatchObject({ minTokens: 0, maxTokens: 100 });
  });

  it('make way for a request that contradicts them', () => {
    expect(lengths({ max_tokens: 2 })).toMatchObject({ minTokens: 2, maxTokens: 2 });
    expect(lengths({ min_tokens: 150 })).toMatchObject({ minTokens: 150, maxTokens: 150 });
  });
});

it("a request's n-grams are looked for as its own field says, not as the model's", () => {
  const model = { noRepeatNgramSize: 30, noRepeatNgramWindow: 90, noRepeatNgramAllowed: [5], typicalP: 0.9 };
  const sampling = (fields: object) => toGenerateRequest(parse(fields), infoWith(everything, model), []).sampling;
  expect(sampling({})).toMatchObject(model);
  expect(sampling({ no_repeat_ngram_size: 3 })).toMatchObject({
    noRepeatNgramSize: 3,
    noRepeatNgramWindow: -1,
    noRepeatNgramPrompt: true,
    noRepeatNgramAllowed: [],
    typicalP: 0.9,
  });
  expect(sampling({ vllm_xargs: { ngram_size: 20 } })).toMatchObject({
    noRepeatNgramSize: 20,
    noRepeatNgramWindow: 100,
    noRepeatNgramPrompt: false,
  });
});

describe('what a model lacks', () => {
  const basic = { vision: false };

  it('is left out where it changes nothing', () => {
    const request = parse({ samplers: ['dry', 'top_k', 'xtc', 'temperature'] });
    expect(toGenerateRequest(request, infoWith(basic), []).sampling.samplers).toEqual(['topK', 'temperature']);
    const { samplers } = toGenerateRequest(request, infoWith({ ...basic, samplers: ['dry'] }), []).sampling;
    expect(samplers).toEqual(['dry', 'topK', 'temperature']);
  });

  it('may be tools that must not be called', () => {
    const tools = [{ type: 'function', function: { name: 'f' } }];
    const request = parse({ tools, tool_choice: 'none' });
    expect(toGenerateRequest(request, infoWith(basic), []).tools).toBeUndefined();
    expect(toGenerateRequest(request, infoWith(everything), []).tools).toMatchObject({ choice: 'none' });
  });
});

describe('images', () => {
  it('stand where they stood', () => {
    const { messages } = toGenerateRequest(twoImages, infoWith({ vision: true }), [bitmap('a'), bitmap('b')]);
    expect(messages).toEqual([
      { role: 'system', content: [{ type: 'text', text: 'look' }] },
      {
        role: 'user',
        content: [
          { type: 'image', image: bitmap('a'), param: 'messages[1].content[0]' },
          { type: 'text', text: 'and' },
          { type: 'image', image: bitmap('b'), param: 'messages[1].content[2]' },
        ],
      },
    ]);
  });

  it('are never left out', () => {
    expect(() => toGenerateRequest(twoImages, infoWith({ vision: true }), [bitmap('a')])).toThrow(
      'messages[1].content[2]',
    );
  });
});
