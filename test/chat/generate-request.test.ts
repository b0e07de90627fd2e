import { describe, expect, it } from 'vitest';
import type { Bitmap } from '../../src/backend/index.ts';
import { toGenerateRequest } from '../../src/chat/index.ts';
import { VserveError } from '../../src/errors/index.ts';
import { Gate } from '../support/gate.ts';
import { parse } from './support.ts';

const noImages = () => Promise.reject(new Error('There are no images.'));

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
  it("are max serve's where nothing is said", async () => {
    const { sampling, ...rest } = await toGenerateRequest(parse({}), {}, noImages);
    expect(sampling).toEqual({
      temperature: 1,
      topP: 1,
      topK: -1,
      minP: 0,
      seed: undefined,
      frequencyPenalty: 0,
      presencePenalty: 0,
      repetitionPenalty: 1,
    });
    expect(rest).toMatchObject({ maxTokens: undefined, stop: [], ignoreEos: false });
  });

  it('put the request before the model, and the model before these', async () => {
    const model = { temperature: 0.6, topK: 64, topP: 0.95 };
    const { sampling } = await toGenerateRequest(parse({ temperature: 0, top_k: 0, top_p: null }), model, noImages);
    expect(sampling).toMatchObject({ temperature: 0, topK: -1, topP: 0.95, minP: 0 });
  });
});

describe('images', () => {
  it('stand where they stood', async () => {
    const { messages } = await toGenerateRequest(twoImages, {}, (url, param) =>
      Promise.resolve(bitmap(`${String(url)} ${param}`)),
    );
    expect(messages).toEqual([
      { role: 'system', content: [{ type: 'text', text: 'look' }] },
      {
        role: 'user',
        content: [
          { type: 'image', image: bitmap('data:,a messages[1].content[0]') },
          { type: 'text', text: 'and' },
          { type: 'image', image: bitmap('data:,b messages[1].content[2]') },
        ],
      },
    ]);
  });

  it('are fetched at the same time', async () => {
    const asked: string[] = [];
    const both = new Gate();
    await toGenerateRequest(twoImages, {}, async (url) => {
      if (asked.push(String(url)) === 2) both.open();
      await both.opened;
      return bitmap(String(url));
    });
    expect(asked).toEqual(['data:,a', 'data:,b']);
  });

  it('fail the request with the first that fails', async () => {
    const failing = toGenerateRequest(twoImages, {}, (url, param) =>
      url === 'data:,b' ? Promise.reject(new VserveError('undecodable', 'No.', { param })) : new Promise(() => {}),
    );
    await expect(failing).rejects.toMatchObject({ code: 'undecodable', param: 'messages[1].content[2]' });
  });
});
