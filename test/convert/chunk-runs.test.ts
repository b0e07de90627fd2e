import { open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { permute, viewOf, viewSize } from '../../src/convert/tensor-view.ts';
import { sourceRuns } from '../../src/convert/threads/chunk.ts';
import type { Chunk } from '../../src/convert/threads/chunk.ts';
import { ChunkConverter } from '../../src/convert/threads/convert-chunk.ts';
import { temporaryFolder } from './support/checkpoints.ts';

const [experts, rows, columns] = [2, 40, 56];
const view = permute(viewOf(experts, rows, columns), 0, 2, 1);
const header = 24;

/** What the chunks of a shard become, cut at places that are odd for its rows. */
async function converted(shard: Uint8Array, chunk: Omit<Chunk, 'first' | 'elements' | 'view'>): Promise<Buffer> {
  const folder = await temporaryFolder();
  const [source, target] = [join(folder, 'shard'), join(folder, 'target')];
  await writeFile(source, shard);
  const [from, to] = [await open(source, 'r'), await open(target, 'w')];
  const converter = new ChunkConverter();
  const ends = [100, 41 * 11, 1000, rows * columns, rows * columns + 333, viewSize(view)];
  let bytes = 0;
  let areRuns = false;
  for (const [i, end] of ends.entries()) {
    const first = ends[i - 1] ?? 0;
    const part = { ...chunk, view, first, elements: end - first, targetOffset: bytes };
    areRuns ||= sourceRuns(part).count > 1;
    bytes += converter.convert(part, { source: from.fd, target: to.fd, scale: from.fd, delta: -1 });
  }
  expect(areRuns).toBe(true);
  await from.close();
  await to.close();
  return readFile(target);
}

const elements = Array.from({ length: viewSize(view) }, (_, i) => i);
const transposed = Array.from({ length: viewSize(view) }, (_, i) => {
  const [expert, place] = [Math.floor(i / (rows * columns)), i % (rows * columns)];
  return expert * rows * columns + (place % rows) * columns + Math.floor(place / rows);
});

test('the columns of matrices are written as rows, from runs of the shard', async () => {
  const shard = Buffer.concat([Buffer.alloc(header), Buffer.from(Uint16Array.from(elements).buffer)]);
  const chunk = { shard: '', sourceOffset: header, dtype: 'BF16', type: 'BF16', addend: 0, change: undefined } as const;
  const result = await converted(shard, { ...chunk, targetOffset: 0 });
  expect(result.equals(Buffer.from(Uint16Array.from(transposed).buffer))).toBe(true);
});

test('and each run is multiplied by its own scales', async () => {
  const [rowsOfBlock, columnsOfBlock] = [16, 24];
  const [across, down] = [Math.ceil(columns / columnsOfBlock), Math.ceil(rows / rowsOfBlock)];
  const scales = Float32Array.from({ length: experts * down * across }, (_, i) => i + 1);
  const bytes = Uint8Array.from(elements, (i) => i % 100);
  const shard = Buffer.concat([Buffer.alloc(header), Buffer.from(bytes), Buffer.from(scales.buffer)]);
  const scale = {
    shard: '',
    offset: header + bytes.length,
    dtype: 'F32',
    elements: scales.length,
    first: 0,
    axes: [
      { size: experts, block: 1, stride: down * across },
      { size: rows, block: rowsOfBlock, stride: across },
      { size: columns, block: columnsOfBlock, stride: 1 },
    ],
  } as const;
  const chunk = { shard: '', sourceOffset: header, dtype: 'I8', type: 'F32', addend: 0, change: undefined } as const;
  const result = await converted(shard, { ...chunk, scale, targetOffset: 0 });
  const expected = transposed.map((i) => {
    const [expert, row, column] = [Math.floor(i / (rows * columns)), Math.floor(i / columns) % rows, i % columns];
    const block = (expert * down + Math.floor(row / rowsOfBlock)) * across + Math.floor(column / columnsOfBlock);
    return (i % 100) * (scales[block] ?? 0);
  });
  expect([...new Float32Array(result.buffer, result.byteOffset, result.length / 4)]).toEqual(expected);
});
