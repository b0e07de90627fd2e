import { expect, test } from 'vitest';
import { readFileSync } from 'node:fs';
import { fixture, referenceCheckpoints } from '../reference/checkpoints.ts';
import { parseGgufHeader } from '../../src/gguf/read-header.ts';
import { positionsAlong } from '../../src/convert/architectures/idefics3-tiles.ts';
import { imageProcessors, isKnownSetting } from '../../src/convert/architectures/image-processors.ts';
import { planTiny } from './support/plan-tiny.ts';
import type { Json } from './support/plan-tiny.ts';

/** What transformers' classes have, by `processor-keys.py`. */
const { processors: transformersProcessors, tilePositions: tilePositionCases } = JSON.parse(
  readFileSync(fixture('image-processor-keys.json'), 'utf8'),
) as {
  readonly processors: readonly {
    readonly name: string;
    readonly family: keyof typeof imageProcessors;
    readonly settings: readonly string[];
  }[];
  readonly tilePositions: readonly { readonly tile: number; readonly table: number; readonly positions: number[] }[];
};

const preprocessor = 'preprocessor_config.json';

function changedSettings(name: string, file: string, change: Json): { files: Json & Record<string, object> } {
  const own = referenceCheckpoints[name]?.checkpoint.files[file];
  const settings = (typeof own === 'string' ? JSON.parse(own) : own) as Json;
  return { files: { [file]: { ...settings, ...change } } };
}

async function projectorKeys(name: string, file: string, change: Json): Promise<ReadonlyMap<string, unknown>> {
  const { files } = await planTiny(name, changedSettings(name, file, change));
  const header = files.find((planned) => planned.file === 'mmproj.gguf')?.header;
  if (header === undefined) throw new Error('There is no mmproj.gguf');
  return parseGgufHeader(header).keyValues;
}

async function settingWarnings(name: string, file: string, change: Json): Promise<string[]> {
  const { warnings } = await planTiny(name, changedSettings(name, file, change));
  return warnings.filter((warning) => warning.startsWith(preprocessor));
}

test('bounds are written under the names that llama.cpp has for them', async () => {
  const keys = await projectorKeys('qwen2-vl-tiny', preprocessor, { min_pixels: 4096, max_pixels: 1_048_576 });
  expect(keys.get('clip.vision.image_min_pixels')).toBe(4096);
  expect(keys.get('clip.vision.image_max_pixels')).toBe(1_048_576);
});

test('those that the models on the Hub have are not written, whichever way they are said', async () => {
  const bounds = { shortest_edge: 3136, longest_edge: 12_845_056 };
  const keys = await projectorKeys('qwen2-vl-tiny', preprocessor, { min_pixels: null, max_pixels: null, size: bounds });
  expect([...keys.keys()].filter((key) => key.includes('_pixels'))).toEqual([]);
});

test.each<[string, string, Json, string]>([
  ['qwen2-vl-tiny', preprocessor, { min_pixels: 2000, max_pixels: 1000 }, 'at least 2000 and at most 1000 pixels'],
  ['qwen2-vl-tiny', preprocessor, { max_pixels: 'many' }, 'max_pixels: it is "many"'],
  ['lfm2-vl-tiny', preprocessor, { min_tiles: 11 }, 'min_tiles: it is greater than max_tiles'],
  ['lfm2-vl-tiny', preprocessor, { min_image_tokens: 300 }, 'min_image_tokens: it is greater'],
  ['llama4-scout-tiny', preprocessor, { max_patches: 1_000_000 }, 'max_patches: it is 1000000'],
  ['internvl3-hf-tiny', preprocessor, { min_patches: 20 }, 'min_patches: it is greater than max_patches'],
])('%s: impossible settings in %s are refused: %j', async (name, file, change, message) => {
  await expect(planTiny(name, changedSettings(name, file, change))).rejects.toMatchObject({
    code: 'checkpoint_invalid',
    message: expect.stringContaining(message) as string,
  });
});

test.each<[string, string, Json, string, unknown]>([
  ['gemma3-tiny', preprocessor, { do_pan_and_scan: true }, 'vserve.image.pan_and_scan_max_crops', 4],
  ['llama4-scout-tiny', preprocessor, { resize_to_max_canvas: true }, 'vserve.image.fill_canvas', true],
  ['lfm2-vl-tiny', preprocessor, { use_thumbnail: false }, 'vserve.image.thumbnail', false],
  ['internvl3-tiny', 'config.json', { use_thumbnail: false }, 'vserve.image.thumbnail', false],
  ['qwen2-vl-tiny', preprocessor, { do_resize: false }, 'vserve.image.resize', false],
  ['qwen2-vl-tiny', preprocessor, { resample: 2 }, 'vserve.image.resample', 2],
  ['smolvlm-tiny', preprocessor, { max_image_size: { longest_edge: 128 } }, 'clip.vision.image_size', 128],
])('%s: a setting in %s reaches the engine: %j as %s', async (name, file, change, key, value) => {
  expect((await projectorKeys(name, file, change)).get(key)).toBe(value);
  expect(await settingWarnings(name, file, change)).toEqual([]);
});

test.each<[Json, readonly number[], readonly number[]]>([
  [{ rescale_factor: 1 / 127.5 }, [0.25, 0.25, 0.25], [0.25, 0.25, 0.25]],
  [{ do_rescale: false }, [0.5 / 255, 0.5 / 255, 0.5 / 255], [0.5 / 255, 0.5 / 255, 0.5 / 255]],
  [{ do_normalize: false }, [0, 0, 0], [1, 1, 1]],
  [{ rescale_factor: 0.00392156862745098 }, [0.5, 0.5, 0.5], [0.5, 0.5, 0.5]],
])('pixels are brought to the range that %j asks for', async (change, mean, deviation) => {
  const keys = await projectorKeys('smolvlm-tiny', preprocessor, change);
  expect(keys.get('clip.vision.image_mean')).toEqual(mean.map(Math.fround));
  expect(keys.get('clip.vision.image_std')).toEqual(deviation.map(Math.fround));
});

test.each<[string, string, Json, string]>([
  ['gemma3-tiny', preprocessor, { size: { height: 448, width: 448 } }, 'size is {"height":448,"width":448}'],
  ['llama4-scout-tiny', preprocessor, { do_resize: false }, 'do_resize is false'],
  ['minicpm-v-4.6-tiny', preprocessor, { use_image_id: false }, 'use_image_id is false'],
  ['lfm2-vl-tiny', preprocessor, { encoder_patch_size: 14 }, 'encoder_patch_size is 14'],
  ['kimi-vl-tiny', preprocessor, { pad_input: false }, 'pad_input is false'],
  ['qwen2-vl-tiny', preprocessor, { resample: 0 }, 'resample is 0'],
  ['pixtral-tiny', 'processor_config.json', { image_processor: { do_center_crop: true } }, 'do_center_crop is true'],
  ['qwen3-vl-tiny', preprocessor, { sharpen: { strength: 2 } }, 'sharpen, which is {"strength":2}, is not a setting'],
])('%s: a setting in %s that is not followed is reported, and stands in the file: %j', async (...row) => {
  const [name, file, change, message] = row;
  const warnings = await settingWarnings(name, file, change);
  expect(warnings).toEqual([expect.stringContaining(message)]);
  expect((await projectorKeys(name, file, change)).get('vserve.unfollowed_settings')).toBe(warnings[0]);
});

test.each(transformersProcessors)('every setting of transformers’ $name is known', ({ family, settings }) => {
  expect(settings.filter((setting) => !isKnownSetting(setting, imageProcessors[family]))).toEqual([]);
});

test('a tile of another size than the encoder’s takes the positions that transformers gives its patches', () => {
  for (const { tile, table, positions } of tilePositionCases) {
    expect(positionsAlong(tile, table)).toEqual(positions);
  }
});
