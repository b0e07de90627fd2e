import { createHash } from 'node:crypto';
import type { Hash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { crc32 } from 'node:zlib';
import { messageOf, systemErrorCode } from '../errors/index.ts';
import type { HashReply, HashRequest } from './hash-messages.ts';

interface RunningHash {
  readonly hash: Hash;
  readonly file: number;
  position: number;
}

const running = new Map<number, RunningHash>();
const buffer = Buffer.allocUnsafe(1024 * 1024);

parentPort?.on('message', (request: HashRequest) => {
  parentPort?.postMessage(reply(request), []);
});

function reply(request: HashRequest): HashReply {
  try {
    return { id: request.id, value: answer(request) };
  } catch (error) {
    return { id: request.id, failure: messageOf(error), code: systemErrorCode(error) };
  }
}

function answer(request: HashRequest): string | number | null {
  if (request.type === 'crc32') return checksumOf(request.path, request.start, request.end);
  if (request.type === 'begin') {
    const hash = createHash(request.algorithm).update(request.prefix);
    running.set(request.stream, { hash, file: openSync(request.path, 'r'), position: 0 });
    return null;
  }
  const stream = streamOf(request.stream);
  if (request.type === 'advance') {
    readRange(stream.file, stream.position, request.end, (piece) => stream.hash.update(piece));
    stream.position = Math.max(stream.position, request.end);
    return null;
  }
  running.delete(request.stream);
  closeSync(stream.file);
  return stream.hash.digest('hex');
}

function checksumOf(path: string, start: number, end: number): number {
  const file = openSync(path, 'r');
  let checksum = 0;
  try {
    readRange(file, start, end, (piece) => (checksum = crc32(piece, checksum)));
  } finally {
    closeSync(file);
  }
  return checksum;
}

function streamOf(id: number): RunningHash {
  const stream = running.get(id);
  if (stream === undefined) throw new Error(`There is no running hash ${id}`);
  return stream;
}

/** Reads a range in chunks. A file that ends early yields less, which its hash will show. */
function readRange(file: number, start: number, end: number, use: (piece: Buffer) => void): void {
  for (let position = start; position < end;) {
    const bytes = readSync(file, buffer, 0, Math.min(buffer.length, end - position), position);
    if (bytes === 0) return;
    use(buffer.subarray(0, bytes));
    position += bytes;
  }
}
