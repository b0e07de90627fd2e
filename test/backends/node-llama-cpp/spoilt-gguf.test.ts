import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { placesOf } from '../../../scripts/fuzz/gguf-places.ts';
import { SpoiltGguf } from '../../../scripts/fuzz/spoilt-gguf.ts';
import { VserveError } from '../../../src/errors/index.ts';
import { answer, loadShapes, picture, shapesFiles, userTurn } from '../../support/shapes-engine.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vserve-spoilt-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** Copies a GGUF file, with other bytes at a place of its header. */
async function spoil(path: string, kind: string, of: string, change: (bytes: Buffer) => void): Promise<string> {
  const bytes = await readFile(path);
  const place = placesOf(bytes).find((place) => place.kind === kind && place.of === of);
  if (place === undefined) throw new Error(`There is no ${kind} of ${of}.`);
  change(bytes.subarray(place.at, place.at + place.byteLength));
  const spoilt = join(folder, `${of}.gguf`);
  await writeFile(spoilt, bytes);
  return spoilt;
}

const to = (value: number) => (bytes: Buffer) => bytes.writeUInt32LE(value);

// Each of these would end the process.
test.each([
  ['value', 'gemma3.block_count', to(1_000_000)],
  ['value', 'gemma3.attention.head_count', to(0)],
  ['value', 'gemma3.attention.key_length', to(3)],
  ['value', 'gemma3.attention.layer_norm_rms_epsilon', (bytes: Buffer) => bytes.writeFloatLE(Number.NaN)],
  ['value', 'gemma3.attention.layer_norm_rms_epsilon', (bytes: Buffer) => bytes.writeFloatLE(-1)],
  ['type', 'blk.1.ffn_down.weight', to(26)],
])('a model with another %s of %s is refused by a named error', async (kind, of, change) => {
  const modelPath = await spoil(shapesFiles().modelPath, kind, of, change);
  await expect(loadShapes({ threads: 1 }, { modelPath })).rejects.toMatchObject({
    name: 'VserveError',
    message: expect.stringContaining(modelPath) as unknown,
  });
});

test.each([
  ['value', 'clip.vision.attention.head_count', to(0)],
  ['value', 'clip.vision.patch_size', to(0)],
  ['value', 'clip.vision.image_size', to(100_000)],
  ['type', 'v.blk.1.attn_q.bias', to(1)],
  ['tensor', 'v.blk.0.attn_q.weight', (bytes: Buffer) => bytes.write('9', 'v.blk.'.length)],
])('a projector with another %s of %s is refused by a named error', async (kind, of, change) => {
  const mmprojPath = await spoil(shapesFiles().mmprojPath ?? '', kind, of, change);
  await expect(loadShapes({ threads: 1 }, { mmprojPath })).rejects.toMatchObject({
    code: 'model_load_failed',
    message: expect.stringContaining(mmprojPath) as unknown,
  });
});

/** `scripts/fuzz-gguf.ts` tries more, of all families. */
test('files that are spoilt anywhere in their headers answer, or are refused by a named error', async () => {
  const spoilt = await SpoiltGguf.read([shapesFiles()], folder);
  const question = userTurn([{ type: 'image', image: await picture('000-0.png') }, 'What is it?'], { maxTokens: 2 });
  let refused = 0;
  for (let number = 0; number < 30; number++) {
    const { files, change } = await spoilt.write(4, number);
    try {
      const model = await loadShapes({ threads: 1, maxBatchSize: 1, maxLength: 512 }, files);
      try {
        await answer(model, question);
      } finally {
        await model.close();
      }
    } catch (error) {
      expect(error, change).toBeInstanceOf(VserveError);
      refused += 1;
    }
  }
  expect(refused).toBeGreaterThan(10);
});
