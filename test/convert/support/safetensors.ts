import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** An entry of a safetensors header. */
export interface Entry {
  dtype: string;
  shape: number[];
  data_offsets: [number, number];
}

export interface SafetensorsFile {
  entries: Record<string, Entry>;
  data: Buffer;
}

/** The single `model.safetensors` of a folder, taken apart. */
export async function readSafetensors(folder: string): Promise<SafetensorsFile> {
  const file = await readFile(join(folder, 'model.safetensors'));
  const headerEnd = 8 + Number(file.readBigUInt64LE());
  const header = JSON.parse(file.toString('utf8', 8, headerEnd)) as Record<string, Entry>;
  const { __metadata__: _, ...entries } = header;
  return { entries, data: file.subarray(headerEnd) };
}

/** The bytes of a safetensors file with this header, right or wrong. */
export function safetensorsBytes(header: string, data: Uint8Array): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(Buffer.byteLength(header)));
  return Buffer.concat([length, Buffer.from(header), data]);
}

/** A safetensors file that holds the named tensors of `file`. */
export function pickTensors({ entries, data }: SafetensorsFile, names: readonly string[]): Buffer {
  let end = 0;
  const header: Record<string, Entry> = {};
  const pieces: Buffer[] = [];
  for (const name of names) {
    const entry = entries[name];
    if (entry === undefined) throw new RangeError(name);
    const piece = data.subarray(...entry.data_offsets);
    header[name] = { ...entry, data_offsets: [end, end + piece.byteLength] };
    end += piece.byteLength;
    pieces.push(piece);
  }
  return safetensorsBytes(JSON.stringify(header), Buffer.concat(pieces));
}
