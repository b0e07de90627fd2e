import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { ModelDescription } from '../../conversion/index.ts';
import { VserveError } from '../../errors/index.ts';
import { downloadRequest } from './pull-repository.ts';
import type { PullOptions } from './pull-repository.ts';

/** The first read of a GGUF model, and the next if its header is longer. Gemma 3's takes 6 MB. */
const GGUF_BYTES = [8 * 1024 * 1024, 64 * 1024 * 1024] as const;

/** Of several GGUF models, the one that would be served. */
const DESCRIBED = { precision: 'auto', mmproj: undefined, mmprojOuttype: 'auto', ifNoneFits: 'smallest' } as const;

/** What `describeModel` and `describeRemote` need. */
export type DescribeOptions = Omit<PullOptions, keyof typeof DESCRIBED>;

export interface RemoteModel {
  readonly type: 'checkpoint' | 'gguf';
  readonly commit: string;
  /** Of a repository of GGUF files, `sizes` are those of all its models, the largest first. */
  readonly description: ModelDescription;
}

/**
 * Describes a model of the Hub that is not on the disk, from its configuration and the headers of its weights, read into
 * a temporary folder. Throws what the Hub's client and the converter throw.
 */
export async function describeRemote(repository: string, options: DescribeOptions): Promise<RemoteModel> {
  const [first, more] = GGUF_BYTES;
  return describe(repository, options, first).catch((error: unknown) => {
    if (error instanceof VserveError && error.code === 'gguf_invalid') return describe(repository, options, more);
    throw error;
  });
}

async function describe(repository: string, options: DescribeOptions, ggufBytes: number): Promise<RemoteModel> {
  const { hub, log, signal } = options;
  const temporary = await mkdtemp(join(tmpdir(), 'vserve-show-'));
  // The folder's name becomes the model's.
  const folder = join(temporary, basename(repository));
  try {
    const [{ fetchHeaders }, converter] = await Promise.all([hub.load(), options.loadConverter()]);
    const request = await downloadRequest(repository, { ...options, ...DESCRIBED });
    const { commit, gguf, reason } = await fetchHeaders(request, folder, ggufBytes);
    if (reason !== undefined) log('info', reason);
    if (gguf === undefined) {
      return { type: 'checkpoint', commit, description: await converter.describeCheckpoint(folder, signal) };
    }
    const mmproj = gguf.mmproj && join(folder, gguf.mmproj.path);
    const description = await converter.describeGguf(join(folder, gguf.model.path), mmproj);
    const sizes = gguf.models
      .toSorted((a, b) => b.bytes - a.bytes)
      .map(({ path, encoding, bytes }) => ({ precision: encoding?.toLowerCase() ?? path, bytes }));
    return { type: 'gguf', commit, description: { ...description, sizes } };
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}
