import { afterAll, beforeAll, expect, test } from 'vitest';
import { bitmapOf } from '../../engine/conversations.ts';
import { loadFaithful } from '../../engine/faithful-model.ts';
import type { FaithfulModel } from '../../engine/faithful-model.ts';
import { greedyRequest } from '../../engine/greedy.ts';
import type { Bitmap, ContentPart } from '../../../src/backend/index.ts';

let loaded: FaithfulModel;
beforeAll(async () => {
  loaded = await loadFaithful('qwen2.5-vl-tiny');
});
afterAll(() => loaded.dispose());

const imagePart = (image: Bitmap): ContentPart => ({ type: 'image', image });
const good = imagePart(bitmapOf({ width: 40, height: 30, seed: 1 }));
const text: ContentPart = { type: 'text', text: 'Look.' };

/** What asks about the good image, then about another. */
async function ask(second: Bitmap): Promise<void> {
  const messages = [
    { role: 'user' as const, content: [good] },
    { role: 'user' as const, content: [text, { ...imagePart(second), param: 'messages[1].content[1]' }] },
  ];
  const request = { messages, ...greedyRequest, maxTokens: 1, ignoreEos: true };
  for await (const event of loaded.model.generate(request, new AbortController().signal)) void event;
}

test('an image that the projector cannot take is named by its place, its size and what is wrong with it', async () => {
  await expect(ask(bitmapOf({ width: 2000, height: 3, seed: 2 }))).rejects.toMatchObject({
    code: 'undecodable',
    message: expect.stringMatching(/2000x3 pixels: .*more than 200 times/) as unknown,
    param: 'messages[1].content[1]',
  });
});

test('so is one whose pixels are not as many as its size says', async () => {
  const image = bitmapOf({ width: 40, height: 30, seed: 2 });
  await expect(ask({ ...image, rgb: image.rgb.subarray(3) })).rejects.toMatchObject({
    name: 'VserveError',
    code: 'undecodable',
    param: 'messages[1].content[1]',
  });
});
