import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { decode, isSourceDtype } from '../quantize/decode.ts';
import type { SourceDtype } from '../quantize/decode.ts';
import { dtypeBytes } from '../safetensors/dtypes.ts';
import { CheckpointFolder } from './checkpoint-folder.ts';
import { readTensors } from './read-tensors.ts';
import type { CheckpointTensor } from './read-tensors.ts';

const CHUNK_ELEMENTS = 1024 * 1024;
/** How many tensors are named at most. */
const MOST = 3;
/** Numbers from here on overflow half precision. */
const halfOverflow = 65_520;

/**
 * The tensors of a checkpoint that hold what no quantizer can take, each with its shard and what is wrong; the first few.
 * It reads every weight.
 *
 * @param inHalves whether matrices of single precision become `f16` first
 * Throws what `readTensors` throws; the signal's reason when it is aborted; the system's errors.
 */
export async function findNonFinite(sourceDir: string, inHalves: boolean, signal: AbortSignal): Promise<string[]> {
  const found: string[] = [];
  const buffers = { bytes: new ArrayBuffer(CHUNK_ELEMENTS * 8), values: new Float32Array(CHUNK_ELEMENTS) };
  for (const tensor of await readTensors(new CheckpointFolder(sourceDir))) {
    const { name, shard, dtype, shape } = tensor;
    if (!isSourceDtype(dtype) || dtype === 'I8') continue;
    const isWide = dtype === 'F32' || dtype === 'F64';
    const most = inHalves && isWide && shape.length >= 2 ? halfOverflow : Infinity;
    const value = await firstBeyond(join(sourceDir, shard), tensor, dtype, most, buffers, signal);
    if (value !== undefined) found.push(`${name} in ${shard} (${value})`);
    if (found.length === MOST) break;
  }
  return found;
}

/** What is wrong with the first number of a tensor that is not less than `most`. */
async function firstBeyond(
  path: string,
  { offset, byteLength }: CheckpointTensor,
  dtype: SourceDtype,
  most: number,
  { bytes, values }: { readonly bytes: ArrayBuffer; readonly values: Float32Array },
  signal: AbortSignal,
): Promise<string | undefined> {
  const chunkBytes = CHUNK_ELEMENTS * dtypeBytes[dtype];
  const file = await open(path, 'r');
  try {
    for (let done = 0; done < byteLength; done += chunkBytes) {
      signal.throwIfAborted();
      const length = Math.min(chunkBytes, byteLength - done);
      const { bytesRead } = await file.read(new Uint8Array(bytes, 0, length), 0, length, offset + done);
      const count = Math.floor(bytesRead / dtypeBytes[dtype]);
      decode(bytes, dtype, count, values);
      // NaN is not less than anything.
      const index = values.subarray(0, count).findIndex((value) => !(Math.abs(value) < most));
      if (index < 0) continue;
      const value = values[index] ?? NaN;
      const what = Number.isFinite(value) ? `${value.toPrecision(3)}, too large for half precision` : String(value);
      return `element ${done / dtypeBytes[dtype] + index} is ${what}`;
    }
    return undefined;
  } finally {
    await file.close();
  }
}
