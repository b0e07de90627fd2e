import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { layOut } from '../gguf/layout.ts';
import type { GgufTensor } from '../gguf/layout.ts';
import { readMatrix } from '../threads/convert-chunk.ts';
import { writeError } from '../write-error.ts';
import { adaptTensor } from './adapt-tensor.ts';
import type { GgufMatrix } from './adapt-tensor.ts';
import { adapterWeightsFile } from './adapter-tensors.ts';
import type { AdapterPlan } from './plan-adapter.ts';

/**
 * Writes a planned adapter as a GGUF file, in single precision. It is in memory as a whole, and blocks its thread: it is
 * for worker threads. Throws `safetensors_invalid`, `disk_full`.
 */
export function writeAdapter({ keyValues, alpha, tensors }: AdapterPlan, adapterDir: string, path: string): void {
  const source = openSync(join(adapterDir, adapterWeightsFile), 'r');
  try {
    const matrices = tensors.flatMap((tensor) => {
      const { a, b } = adaptTensor(tensor, alpha, (matrix) => readMatrix(source, matrix, adapterWeightsFile));
      return [
        { ...a, name: `${tensor.name}.lora_a` },
        { ...b, name: `${tensor.name}.lora_b` },
      ];
    });
    const described = matrices.map(({ name, shape }): GgufTensor => ({ name, shape, type: 'F32' }));
    const { header, offsets, byteLength } = layOut(keyValues, [], described);
    writeAll(path, header, matrices, offsets, byteLength);
  } finally {
    closeSync(source);
  }
}

function writeAll(
  path: string,
  header: Uint8Array,
  matrices: readonly GgufMatrix[],
  offsets: readonly number[],
  byteLength: number,
): void {
  try {
    const target = openSync(path, 'wx');
    try {
      writeAt(target, header, 0);
      for (const [i, { values }] of matrices.entries()) {
        writeAt(target, new Uint8Array(values.buffer, values.byteOffset, values.byteLength), offsets[i] ?? 0);
      }
      // The last one is filled up.
      const end = (offsets.at(-1) ?? 0) + (matrices.at(-1)?.values.byteLength ?? 0);
      if (end < byteLength) writeAt(target, new Uint8Array(byteLength - end), end);
      fsyncSync(target);
    } finally {
      closeSync(target);
    }
  } catch (error) {
    throw writeError(error, path);
  }
}

function writeAt(descriptor: number, bytes: Uint8Array, offset: number): void {
  for (let done = 0; done < bytes.byteLength;) {
    done += writeSync(descriptor, bytes, done, bytes.byteLength - done, offset + done);
  }
}
