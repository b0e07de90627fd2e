import { expect, test } from 'vitest';
import { referenceCheckpoints } from '../reference/checkpoints.ts';
import { parseGgufHeader } from '../../src/gguf/read-header.ts';
import { planTiny } from './support/plan-tiny.ts';
import type { Json } from './support/plan-tiny.ts';

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

test.each<[string, string, Json, string]>([
  ['gemma3-tiny', preprocessor, { do_pan_and_scan: true }, 'do_pan_and_scan is true'],
  ['llama4-scout-tiny', preprocessor, { resize_to_max_canvas: true }, 'resize_to_max_canvas is true'],
  ['lfm2-vl-tiny', preprocessor, { use_thumbnail: false }, 'use_thumbnail is false'],
  ['internvl3-tiny', 'config.json', { use_thumbnail: false }, 'use_thumbnail is false'],
  ['smolvlm-tiny', preprocessor, { max_image_size: { longest_edge: 128 } }, 'max_image_size.longest_edge is 128'],
])('%s: a setting in %s that is not followed is reported: %j', async (name, file, change, message) => {
  const { warnings } = await planTiny(name, changedSettings(name, file, change));
  expect(warnings).toEqual([expect.stringContaining(message)]);
});
