import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { findNonFinite } from '../../src/convert/index.ts';
import { temporaryFolder } from './support/checkpoints.ts';
import { safetensorsBytes } from './support/safetensors.ts';

/** A checkpoint of tensors of single precision, two columns wide or vectors. */
async function checkpoint(tensors: Readonly<Record<string, readonly number[]>>): Promise<string> {
  const folder = join(await temporaryFolder(), 'checkpoint');
  await mkdir(folder);
  let end = 0;
  const entries = Object.entries(tensors).map(([name, values]) => {
    const begin = end;
    end += values.length * 4;
    const shape = name.endsWith('norm') ? [values.length] : [values.length / 2, 2];
    return [name, { dtype: 'F32', shape, data_offsets: [begin, end] }];
  });
  const data = Buffer.from(Float32Array.from(Object.values(tensors).flat()).buffer);
  await writeFile(
    join(folder, 'model.safetensors'),
    safetensorsBytes(JSON.stringify(Object.fromEntries(entries)), data),
  );
  return folder;
}

const find = async (folder: string, inHalves: boolean): Promise<string[]> =>
  findNonFinite(folder, inHalves, new AbortController().signal);

test('tensors with numbers that are none are named, with the first of them', async () => {
  const folder = await checkpoint({ fine: [1, -2], 'b.weight': [0, 1, NaN, Infinity], c: [1, -Infinity] });
  expect(await find(folder, false)).toEqual([
    'b.weight in model.safetensors (element 2 is NaN)',
    'c in model.safetensors (element 1 is -Infinity)',
  ]);
});

test('numbers are too large only where they become halves', async () => {
  const folder = await checkpoint({ matrix: [65_504, 1, -1e6, 2], norm: [1e6, 1] });
  expect(await find(folder, false)).toEqual([]);
  expect(await find(folder, true)).toEqual([
    'matrix in model.safetensors (element 2 is -1.00e+6, too large for half precision)',
  ]);
});

test('a few tensors are enough', async () => {
  const bad = Object.fromEntries(['a', 'b', 'c', 'd'].map((name) => [name, [NaN, 0]]));
  expect(await find(await checkpoint(bad), false)).toHaveLength(3);
});
