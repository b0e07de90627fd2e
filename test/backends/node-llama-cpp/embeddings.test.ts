import { afterEach, expect, it } from 'vitest';
import { LoadedLlama } from '../../../backends/node-llama-cpp/loaded-llama.ts';
import type { ContentPart, LoadSettings } from '../../../src/backend/index.ts';
import { answer, loadShapes, picture, userTurn } from '../../support/shapes-engine.ts';

let model: LoadedLlama | undefined;
afterEach(() => model?.close());

async function load(settings: Partial<LoadSettings>): Promise<LoadedLlama> {
  const loaded = await loadShapes({ maxBatchSize: 2, threads: 1, enablePrefixCaching: false, ...settings });
  if (!(loaded instanceof LoadedLlama)) throw new Error('not a model of node-llama-cpp');
  model = loaded;
  return loaded;
}

async function imageOf(name: string): Promise<ContentPart> {
  return { type: 'image', image: await picture(name) };
}

it('an image is encoded once for each salt: its time tells a tenant nothing of another’s', async () => {
  const loaded = await load({ maxVisionCacheEntries: 8 });
  const request = userTurn([await imageOf('000-0.png'), 'What number is shown?'], { maxTokens: 1 });
  const encodesAfter = async (cacheSalt: string): Promise<number | undefined> => {
    await answer(loaded, { ...request, cacheSalt });
    return loaded.work()?.encodes;
  };
  expect(await encodesAfter('a')).toBe(1);
  expect(await encodesAfter('a')).toBe(1);
  expect(await encodesAfter('b')).toBe(2);
  expect(await encodesAfter('')).toBe(3);
  expect(await encodesAfter('a')).toBe(3);
});

it('an image that a prompt has twice is encoded once, also where embeddings are not cached', async () => {
  const loaded = await load({ maxVisionCacheEntries: 0 });
  const image = await imageOf('000-0.png');
  const request = userTurn([image, await imageOf('003-0.png'), image, 'What is shown?'], { maxTokens: 1 });
  await answer(loaded, request);
  expect(loaded.work()?.encodes).toBe(2);
  await answer(loaded, request);
  expect(loaded.work()?.encodes).toBe(4);
});

it('an encoded image needs no pixels, for a request of the same salt', async () => {
  const loaded = await load({ maxVisionCacheEntries: 8 });
  const image = await picture('000-0.png');
  const question = 'What number is shown?';
  const request = { ...userTurn([{ type: 'image', image }, question]), cacheSalt: 'a' };
  expect(loaded.encodedImage(image, 'a')).toBeUndefined();
  const withPixels = await answer(loaded, request);
  expect(loaded.encodedImage(image, 'b')).toBeUndefined();
  const encoded = loaded.encodedImage(image, 'a');
  if (encoded === undefined) throw new Error('The image is not cached');
  const known = { ...image, rgb: new Uint8Array(), encoded };
  const without = await answer(loaded, {
    ...userTurn([{ type: 'image', image: known }, question]),
    cacheSalt: 'a',
  });
  expect(without.text).toBe(withPixels.text);
  expect(loaded.work()?.encodes).toBe(1);
});

it('nothing can be inspected once the model is closed', async () => {
  const loaded = await load({});
  const closing = loaded.close();
  const refused = { code: 'model_closed' };
  await expect(loaded.inspectPrompt(userTurn(['Hello']).messages)).rejects.toMatchObject(refused);
  await expect(loaded.inspectImage(await picture('000-0.png'))).rejects.toMatchObject(refused);
  await expect(loaded.inspectTokens('Hello', false)).rejects.toMatchObject(refused);
  await expect(loaded.firstLogits(userTurn(['Hello']), 1)).rejects.toMatchObject(refused);
  await closing;
});
