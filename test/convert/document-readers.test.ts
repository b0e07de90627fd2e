import { join } from 'node:path';
import { expect, test } from 'vitest';
import { referenceCheckpoints } from '../reference/checkpoints.ts';
import { writeCheckpoint } from '../reference/write-checkpoint.ts';
import { planConversion } from '../../src/convert/plan/plan-conversion.ts';
import { changeJson, temporaryFolder } from './support/checkpoints.ts';

type Change = Record<string, unknown>;

/** Writes a reference checkpoint, with other settings at the top and in `vision_config`, and in its preprocessor's. */
async function changed(
  name: string,
  { config = {}, vision = {}, preprocessor = {} }: { config?: Change; vision?: Change; preprocessor?: Change },
): Promise<string> {
  const { checkpoint } = referenceCheckpoints[name] ?? {};
  if (checkpoint === undefined) throw new Error(`There is no ${name}`);
  const folder = join(await temporaryFolder(), name);
  await writeCheckpoint(folder, checkpoint);
  await changeJson(folder, 'config.json', (file) => ({
    ...file,
    ...config,
    vision_config: { ...(file.vision_config as object), ...vision },
  }));
  await changeJson(folder, 'preprocessor_config.json', (file) => ({ ...file, ...preprocessor }));
  return folder;
}

async function headersOf(name: string, preprocessor: Change): Promise<Uint8Array[]> {
  const { files } = await planConversion({ sourceDir: await changed(name, { preprocessor }), outtype: 'bf16' });
  return files.map(({ header }) => header);
}

test.each([
  ['PaddleOCR-VL that merges more patches', 'paddleocr-vl-tiny', { vision: { spatial_merge_size: 3 } }, 'two by two'],
  ['PaddleOCR-VL with no pixels', 'paddleocr-vl-tiny', { preprocessor: { max_pixels: 0 } }, 'max_pixels'],
  ['MiniCPM-V with another table of positions', 'minicpm-v-4.6-tiny', { vision: { image_size: 448 } }, '70 patches'],
  ['MiniCPM-V that merges beyond its layers', 'minicpm-v-4.6-tiny', { config: { insert_layer_id: 3 } }, 'layer 3'],
  ['MiniCPM-V that merges twice', 'minicpm-v-4.6-tiny', { config: { merger_times: 2 } }, 'merges once'],
  ['MiniCPM-V with larger windows', 'minicpm-v-4.6-tiny', { vision: { window_kernel_size: [4, 4] } }, 'two by two'],
  [
    'MiniCPM-V that keeps other parts of its tokens',
    'minicpm-v-4.6-tiny',
    { preprocessor: { downsample_mode: '8x' } },
    'downsample_mode',
  ],
  ['MiniCPM-V whose text model has no settings', 'minicpm-v-4.6-tiny', { config: { text_config: 1 } }, 'config.json'],
])('%s is refused', async (_, name, change, naming) => {
  const sourceDir = await changed(name, change);
  await expect(planConversion({ sourceDir, outtype: 'bf16' })).rejects.toMatchObject({
    code: 'checkpoint_invalid',
    message: expect.stringContaining(naming) as string,
  });
});

test('the bounds of PaddleOCR-VL’s pictures are read as transformers 5 writes them too', async () => {
  const size = { shortest_edge: 147_384, longest_edge: 2_822_400 };
  const sameBounds = await headersOf('paddleocr-vl-tiny', { min_pixels: undefined, max_pixels: undefined, size });
  expect(sameBounds).toEqual(await headersOf('paddleocr-vl-tiny', {}));
});
