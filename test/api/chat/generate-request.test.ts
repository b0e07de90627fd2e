import { describe, expect, it } from 'vitest';
import type { Bitmap } from '../../../src/backend/index.ts';
import { toGenerateRequest } from '../../../src/api/index.ts';
import { parse } from './support.ts';

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
    const { sampling, ...rest } = toGenerateRequest(parse({}), {}, []);
    expect(sampling).toEqual({
      temperature: 1,
      topP: 1,
      topK: -1,
      minP: 0,
      seed: undefined,
      frequencyPenalty: 0,
      presencePenalty: 0,
      repetitionPenalty: 1,
      samplers: ['penalties', 'temperature', 'topK', 'topP', 'minP'],
    });
    expect(rest).toMatchObject({ maxTokens: undefined, stop: [], ignoreEos: false });
  });

  it('put the request before the model, and the model before these', () => {
    const model = { temperature: 0.6, topK: 64, topP: 0.95 };
    const { sampling } = toGenerateRequest(parse({ temperature: 0, top_k: 0, top_p: null }), model, []);
    expect(sampling).toMatchObject({ temperature: 0, topK: -1, topP: 0.95, minP: 0 });
  });
});

describe('images', () => {
  it('stand where they stood', () => {
    const { messages } = toGenerateRequest(twoImages, {}, [bitmap('a'), bitmap('b')]);
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
    expect(() => toGenerateRequest(twoImages, {}, [bitmap('a')])).toThrow('messages[1].content[2]');
  });
});
