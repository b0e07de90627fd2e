import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import type { HashKind } from './hash-file.ts';

const PIECE_BYTES = 1024 * 1024;

const { path, kind } = workerData as { readonly path: string; readonly kind: HashKind };
const file = openSync(path, 'r');
try {
  const hash = createHash(kind === 'git' ? 'sha1' : 'sha256');
  // git-hash-object(1): the content stands behind this header.
  if (kind === 'git') hash.update(`blob ${fstatSync(file).size}\0`);
  const piece = Buffer.alloc(PIECE_BYTES);
  for (let bytes = readSync(file, piece); bytes > 0; bytes = readSync(file, piece)) {
    hash.update(piece.subarray(0, bytes));
  }
  parentPort?.postMessage(hash.digest('hex'), []);
} finally {
  closeSync(file);
}
