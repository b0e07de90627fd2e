// Kills downloads at random moments and goes on with them: npm run build:ts, then
// node dist/scripts/kill-pull.js [--kills 50] [--seed 1] [--bytes 8000000]
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { crc32 } from 'node:zlib';
import { downloadModel } from '../src/hub/index.ts';
import { randomBits } from './reference/random.ts';
import { sha256, startLoopbackHub } from '../test/support/loopback-hub.ts';
import type { HostedFile, LoopbackHub } from '../test/support/loopback-hub.ts';

export interface KillOptions {
  readonly kills: number;
  readonly seed: number;
  /** Of the weights. */
  readonly bytes: number;
}

/** What was seen; `fetchedTwice` are bytes that were asked for again although they were verified. */
export interface KillReport {
  readonly kills: number;
  readonly downloads: number;
  /** Kills that came when a part of the weights was there. */
  readonly inTheMiddle: number;
  readonly bytes: number;
  readonly bytesSent: number;
  readonly fetchedTwice: number;
  readonly wrongHashes: number;
}

/** A download is to take about so long, so that kills meet it everywhere. */
const DOWNLOAD_SECONDS = 1;

/**
 * Downloads from a hub on loopback, in processes that are killed at random moments, until there were so many kills. A
 * download that was completed is checked, and begun anew.
 */
export async function killDownloads({ kills, seed, bytes }: KillOptions): Promise<KillReport> {
  const bits = randomBits(seed);
  const random = (): number => bits() / 2 ** 32;
  const content = Buffer.from(Uint8Array.from({ length: bytes }, () => Math.floor(random() * 256)));
  const files = new Map<string, HostedFile>([
    ['config.json', { content: Buffer.from('{}'), lfs: false }],
    ['model.safetensors', { content, lfs: true }],
  ]);
  const hub = await startLoopbackHub({
    files,
    fault: ({ host }) => (host === 'cdn' ? { bytesPerSecond: bytes / DOWNLOAD_SECONDS / 4 } : undefined),
  });
  const report = { kills: 0, downloads: 0, inTheMiddle: 0, bytes, bytesSent: 0, fetchedTwice: 0, wrongHashes: 0 };
  let folder = await mkdtemp(join(tmpdir(), 'vserve-kill-'));
  try {
    while (report.kills < kills) {
      const verified = await verifiedBytes(folder, content);
      hub.requests.length = 0;
      const child = startDownload(hub, folder);
      const closed = once(child, 'close') as Promise<[number | null]>;
      const killed = sleep(random() * (DOWNLOAD_SECONDS * 1000 + 800)).then(() => child.kill('SIGKILL'));
      const [exitCode] = await closed;
      await killed;
      report.bytesSent += hub.requests.reduce((sum, { bytesSent }) => sum + bytesSent, 0);
      report.fetchedTwice += askedAgain(hub, verified);
      if (exitCode === null) {
        report.kills += 1;
        if ((await verifiedBytes(folder, content)).some(Boolean)) report.inTheMiddle += 1;
        continue;
      }
      if (exitCode !== 0) throw new Error(`A download failed with exit code ${exitCode}`);
      report.downloads += 1;
      const snapshots = join(folder, 'models--org--shapes', 'snapshots');
      const [commit = ''] = await readdir(snapshots);
      const result = await readFile(join(snapshots, commit, 'model.safetensors'));
      if (sha256(result) !== sha256(content)) report.wrongHashes += 1;
      await rm(folder, { recursive: true });
      folder = await mkdtemp(join(tmpdir(), 'vserve-kill-'));
    }
    return report;
  } finally {
    await hub.close();
    await rm(folder, { recursive: true, force: true });
  }
}

function startDownload({ url }: LoopbackHub, folder: string) {
  const script = fileURLToPath(
    new URL('../dist/scripts/kill-pull.js', import.meta.url).href.replace('dist/dist', 'dist'),
  );
  return spawn(process.execPath, [script, '--download', url, '--folder', folder], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

/** For each byte of the weights, whether it is on the disk and known to be right: by the journal, or as a blob. */
async function verifiedBytes(folder: string, content: Buffer): Promise<readonly boolean[]> {
  const blob = join(folder, 'models--org--shapes', 'blobs', sha256(content));
  const verified: boolean[] = Array.from({ length: content.length }, () => false);
  if ((await readFile(blob).catch(() => undefined)) !== undefined) return verified.fill(true);
  const partial = await readFile(`${blob}.incomplete`).catch(() => Buffer.alloc(0));
  const journal = await readFile(`${blob}.journal`, 'utf8').catch(() => '');
  for (const line of journal.split('\n').slice(0, -1)) {
    const extent = JSON.parse(line) as { start: number; end: number; crc32: number };
    const isRight = crc32(partial.subarray(extent.start, extent.end)) === extent.crc32;
    if (isRight) verified.fill(true, extent.start, extent.end);
  }
  return verified;
}

function askedAgain(hub: LoopbackHub, verified: readonly boolean[]): number {
  const ranges = hub.requestsFor('model.safetensors').flatMap(({ range }) => (range === undefined ? [] : [range]));
  return ranges.reduce((sum, [first, last]) => sum + verified.slice(first, last + 1).filter(Boolean).length, 0);
}

/** The process that is killed. */
async function download(endpoint: string, folder: string): Promise<void> {
  await downloadModel({
    repository: 'org/shapes',
    revision: 'main',
    choice: {
      encoding: 'auto',
      weightPath: undefined,
      mmproj: undefined,
      memoryBytes: async () => undefined,
      checkConfig: async () => undefined,
    },
    settings: {
      endpoint,
      token: undefined,
      offline: false,
      cacheFolder: join(folder, 'none'),
      proxies: { http: '', https: '', none: '' },
    },
    folder,
    conversionBytes: () => 0,
    forceDownload: false,
    userAgent: 'vserve/kill-pull',
    tuning: { connections: 4, partBytes: 1_000_000, extentBytes: 65_536, stallMs: 10_000, backoffMs: 10, retries: 3 },
    onEvent: () => undefined,
    signal: new AbortController().signal,
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: {
      kills: { type: 'string', default: '50' },
      seed: { type: 'string', default: '1' },
      bytes: { type: 'string', default: '8000000' },
      download: { type: 'string' },
      folder: { type: 'string' },
    },
  });
  if (values.download !== undefined && values.folder !== undefined) {
    await download(values.download, values.folder);
    process.exit();
  }
  const options = { kills: Number(values.kills), seed: Number(values.seed), bytes: Number(values.bytes) };
  const report = await killDownloads(options);
  console.table(report);
  process.exitCode = report.fetchedTwice + report.wrongHashes === 0 ? 0 : 1;
}
