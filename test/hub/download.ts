import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { DownloadEvent, DownloadRequest, DownloadTuning } from '../../src/hub/index.ts';
import { startLoopbackHub } from '../support/loopback-hub.ts';
import type { HostedFile, HubOptions, LoopbackHub } from '../support/loopback-hub.ts';

/** Small parts and short pauses, so that a file of a megabyte goes through what one of fifty gigabytes does. */
export const tuning: DownloadTuning = {
  connections: 4,
  partBytes: 256 * 1024,
  extentBytes: 32 * 1024,
  // Longer than this process may stand still: both ends of a connection are in it.
  stallMs: 600_000,
  backoffMs: 1,
  retries: 3,
};

/** An empty folder that goes when the test ends. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'vserve-hub-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A Hub that ends with the test. */
export async function hubWith(options: HubOptions): Promise<LoopbackHub> {
  const hub = await startLoopbackHub(options);
  onTestFinished(() => hub.close());
  return hub;
}

export function small(text: string): HostedFile {
  return { content: Buffer.from(text), lfs: false };
}

export function large(bytes: number): HostedFile {
  return { content: randomBytes(bytes), lfs: true };
}

const tokenizer = large(150_000);

/** A checkpoint with one file of weights of a megabyte and a bit, and files that nobody needs. */
export function checkpointFiles(weights = large(1024 * 1024 + 12_345)): Map<string, HostedFile> {
  return new Map([
    ['.gitattributes', small('*.safetensors filter=lfs')],
    ['LICENSE', small('Apache')],
    ['README.md', small('# Shapes')],
    ['config.json', small('{"architectures":["Tiny"]}')],
    ['empty.json', small('')],
    ['model.safetensors', weights],
    ['pytorch_model.bin', large(200_000)],
    ['tokenizer.json', tokenizer],
    ['tokenizer_config.json', small('{}')],
  ]);
}

/** A request for the repository of a hub, which notes its events. */
export function requestTo(
  hub: Pick<LoopbackHub, 'url'>,
  folder: string,
  changes: Partial<DownloadRequest> = {},
): DownloadRequest & { readonly events: DownloadEvent[] } {
  const events: DownloadEvent[] = [];
  return {
    repository: 'org/shapes',
    revision: 'main',
    choice: {
      encoding: 'auto',
      isGgufOnly: false,
      mmprojEncoding: 'auto',
      ifNoneFits: 'refuse',
      weightPath: undefined,
      mmproj: undefined,
      memoryBytes: async () => 1e9,
      checkConfig: async () => ({ hasVision: true }),
    },
    settings: {
      endpoint: hub.url,
      token: undefined,
      offline: false,
      cacheFolder: join(folder, 'huggingface'),
      proxies: { http: '', https: '', none: '' },
    },
    folder: join(folder, 'hub'),
    conversionBytes: (bytes) => bytes,
    forceDownload: false,
    userAgent: 'vserve/test',
    tuning,
    onEvent: (event) => events.push(event),
    signal: new AbortController().signal,
    events,
    ...changes,
  };
}
