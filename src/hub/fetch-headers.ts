import { mkdir, open, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { GgufChoice } from './choice.ts';
import type { Contents } from './contents.ts';
import type { DownloadRequest } from './download-request.ts';
import { withPlan } from './plan.ts';
import type { RemoteFile } from './remote-file.ts';

/** A safetensors header is preceded by its length, little-endian, in this many bytes. */
const LENGTH_BYTES = 8;
/** The first read of a shard: most headers are shorter. */
const FIRST_BYTES = 128 * 1024;
/** Longer than any header. */
const MOST_HEADER_BYTES = 128 * 1024 * 1024;
/** The header of a projector lacks the vocabulary that makes a model's long. */
const PROJECTOR_SHARE = 1 / 8;

/** What a folder holds of a model. */
export interface ModelHeaders {
  readonly commit: string;
  /** Undefined for a checkpoint. */
  readonly gguf: GgufChoice | undefined;
  /** Why this GGUF model, if there was a choice. */
  readonly reason: string | undefined;
}

/**
 * Writes into `folder` what describes a model, without its weights: the small files of a checkpoint, and its shards with
 * their headers and a hole for the rest; the first `ggufBytes` of a GGUF model and its projector. Throws the errors of
 * `withPlan`, and the system's error.
 */
export async function fetchHeaders(request: DownloadRequest, folder: string, ggufBytes: number): Promise<ModelHeaders> {
  return withPlan(request, 'preview', async ({ contents, opened, chosen }) => {
    const { gguf, reason } = chosen;
    const wanted = gguf === undefined ? chosen.files : [gguf.model, gguf.mmproj].filter((file) => file !== undefined);
    for (const file of wanted) {
      request.signal.throwIfAborted();
      const path = join(folder, file.path);
      await mkdir(dirname(path), { recursive: true });
      if (gguf !== undefined) {
        const share = file === gguf.mmproj ? PROJECTOR_SHARE : 1;
        await writeFile(path, await contents.readStart(file, ggufBytes * share));
      } else if (file.path.endsWith('.safetensors')) {
        await writeWithHole(path, await shardHeader(file, contents), file.bytes);
      } else {
        await writeFile(path, await contents.readBytes(file));
      }
    }
    return { commit: opened.commit, gguf, reason };
  });
}

async function shardHeader(file: RemoteFile, contents: Contents): Promise<Buffer> {
  const first = await contents.readStart(file, FIRST_BYTES);
  if (first.length < LENGTH_BYTES) return first;
  const bytes = LENGTH_BYTES + Number(first.readBigUInt64LE());
  return bytes <= first.length ? first : contents.readStart(file, Math.min(bytes, MOST_HEADER_BYTES));
}

async function writeWithHole(path: string, start: Buffer, bytes: number): Promise<void> {
  const file = await open(path, 'w');
  try {
    await file.writeFile(start);
    await file.truncate(bytes);
  } finally {
    await file.close();
  }
}
