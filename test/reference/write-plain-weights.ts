import { randomFillSync } from 'node:crypto';
import { open } from 'node:fs/promises';
import type { Shapes } from './gemma3-shapes.ts';
import { safetensorsHeader } from './write-checkpoint.ts';

const blockBytes = 8 * 1024 * 1024;

/** bfloat16 numbers of random sign between 2^-7 and 2^-5: a weight's usual size. */
function randomBlock(): Buffer {
  const block = randomFillSync(Buffer.alloc(blockBytes));
  for (let i = 1; i < block.byteLength; i += 2) block[i] = ((block[i] ?? 0) & 0x80) | 0x3c;
  return block;
}

/** Bytes that tensors of these shapes take in bfloat16. */
export function plainWeightBytes(shapes: Shapes): number {
  return [...shapes.values()].reduce((sum, shape) => sum + shape.reduce((product, size) => product * size, 2), 0);
}

/**
 * Writes a safetensors file of bfloat16 tensors whose weights are plausible and mean nothing, at the speed of the disk:
 * one random block over and over.
 */
export async function writePlainWeights(path: string, shapes: Shapes): Promise<void> {
  const block = randomBlock();
  const handle = await open(path, 'w');
  await handle.write(safetensorsHeader(shapes, 'BF16'));
  for (let bytes = plainWeightBytes(shapes); bytes > 0; bytes -= blockBytes) {
    await handle.write(block, 0, Math.min(bytes, blockBytes));
  }
  await handle.close();
}
