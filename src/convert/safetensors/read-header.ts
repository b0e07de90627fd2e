import { open, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { VserveError } from '../../errors/index.ts';
import { isLfsPointer, lfsPointerMessage } from '../../formats/git-lfs.ts';
import { maxHeaderBytes, parseHeader } from './header.ts';
import type { SafetensorsTensor } from './header.ts';

const lengthBytes = 8;

/**
 * Reads the header of the safetensors file at `path`: eight bytes with the header's length, little-endian, then JSON.
 * Nothing of the tensors' data is read. The tensors come sorted by name.
 *
 * Throws `safetensors_invalid`; `shard_missing` when there is no such file.
 */
export async function readHeader(path: string): Promise<SafetensorsTensor[]> {
  const file = basename(path);
  const invalid = (what: string): VserveError =>
    new VserveError('safetensors_invalid', `${file} is not a valid safetensors file: ${what}. Download it again.`);
  const missing = (error: unknown): never => {
    throw new VserveError('shard_missing', `${file} cannot be opened. Download the checkpoint's files again.`, {
      cause: error,
    });
  };
  // Opening a pipe would block until another process writes to it.
  if (!(await stat(path).catch(missing)).isFile()) throw invalid('it is a folder, or no regular file');
  const handle = await open(path, 'r').catch(missing);
  try {
    const { size } = await handle.stat();
    if (size < lengthBytes) throw invalid(`it has only ${size} bytes`);
    const { buffer: beginning } = await handle.read(Buffer.alloc(32), 0, 32, 0);
    if (isLfsPointer(beginning)) throw invalid(`it ${lfsPointerMessage}`);
    const { buffer: length } = await handle.read(Buffer.alloc(lengthBytes), 0, lengthBytes, 0);
    const headerBytes = length.readBigUInt64LE();
    if (headerBytes > BigInt(size - lengthBytes)) {
      throw invalid(`its header should take ${headerBytes} bytes, but the file has only ${size}`);
    }
    if (headerBytes > BigInt(maxHeaderBytes)) {
      throw invalid(`its header takes ${headerBytes} bytes, more than the limit of ${maxHeaderBytes}`);
    }
    const json = Buffer.alloc(Number(headerBytes));
    const { bytesRead } = await handle.read(json, 0, json.byteLength, lengthBytes);
    if (bytesRead !== json.byteLength) throw invalid('it became shorter while it was read');
    return parseHeader(json, size, file);
  } finally {
    await handle.close();
  }
}
