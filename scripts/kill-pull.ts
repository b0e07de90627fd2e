/**
 * Kills `vserve pull` (SIGKILL) at random moments of download, conversion and quantization, against a hub on loopback.
 * After each kill the next run must finish without requesting verified bytes again, with the same hashes as an
 * undisturbed pull, and with nothing left behind.
 *
 *     npm run build && node dist/scripts/kill-pull.js [--kills 50] [--seed 1] [--layers 1] [--width 512]
 *
 * The last line is JSON, a `KillReport`; anything in `wrong` makes the exit code 1.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { crc32 } from 'node:zlib';
import { scriptArguments } from './arguments.ts';
import { bytesIn, gaps, union } from '../src/hub/extents.ts';
import type { Extent } from '../src/hub/extents.ts';
import { gitHash, hostedFolder, sha256, startLoopbackHub } from '../test/support/loopback-hub.ts';
import type { HostedFile, LoopbackHub } from '../test/support/loopback-hub.ts';
import { writeLargeCheckpoint } from '../test/reference/large-checkpoint.ts';
import { randomBits } from '../test/reference/random.ts';

export interface KillOptions {
  readonly kills: number;
  readonly seed: number;
  /** Dimensions of the checkpoint of random weights. */
  readonly layers: number;
  readonly width: number;
  /** Approximate duration of the download, so that kills hit all of it. */
  readonly downloadSeconds: number;
}

/** Progress of a killed pull, by what it left on disk. */
type Stage = 'downloading' | 'converting' | 'quantizing' | 'finished';

export interface KillReport {
  readonly kills: number;
  readonly seed: number;
  readonly killedWhile: Readonly<Record<Stage, number>>;
  /** Total of all files. */
  readonly bytes: number;
  /** Total of verified bytes on disk after the kills. */
  readonly bytesKept: number;
  /** Those of them that were requested again. */
  readonly fetchedTwice: number;
  readonly wrong: readonly string[];
}

const SHARDS = 2;
const program = new URL(
  import.meta.url.includes('/dist/') ? '../../bin/vserve.js' : '../bin/vserve.js',
  import.meta.url,
);

/** Pulls, kills and pulls again; `onKill` is called after each. */
export async function killPulls(
  { kills, seed, layers, width, downloadSeconds }: KillOptions,
  onKill: (line: string) => void,
): Promise<KillReport> {
  const bits = randomBits(seed);
  const folder = await mkdtemp(join(tmpdir(), 'vserve-kill-'));
  const home = join(folder, 'home');
  await writeLargeCheckpoint(join(folder, 'checkpoint'), { layers, width, vocabulary: 4096, shards: SHARDS });
  const files = hostedFolder(join(folder, 'checkpoint'));
  const bytes = [...files.values()].reduce((sum, { content }) => sum + content.length, 0);
  const bytesPerSecond = bytes / downloadSeconds / SHARDS;
  const hub = await startLoopbackHub({ files, fault: ({ host }) => (host === 'cdn' ? { bytesPerSecond } : undefined) });
  const killedWhile: Record<Stage, number> = { downloading: 0, converting: 0, quantizing: 0, finished: 0 };
  const wrong: string[] = [];
  let [bytesKept, fetchedTwice] = [0, 0];
  try {
    const started = performance.now();
    const expected = await pull(hub, home);
    const undisturbedMs = performance.now() - started;
    for (let kill = 1; kill <= kills; kill += 1) {
      await rm(home, { recursive: true });
      await killedPull(hub, home, (bits() / 2 ** 32) * undisturbedMs);
      const stage = await stageOf(home);
      killedWhile[stage] += 1;
      const verified = await verifiedExtents(home, files);
      hub.requests.length = 0;
      const found = await pull(hub, home).catch((error: unknown) => String(error));
      const twice = askedAgain(hub, verified);
      const left = await readdir(join(home, 'converting')).catch(() => []);
      if (found !== expected) wrong.push(`kill ${kill} (${stage}): ${found}`);
      if (left.length > 0) wrong.push(`kill ${kill} (${stage}) left ${left.join(', ')}`);
      const kept = [...verified.values()].reduce((sum, extents) => sum + bytesIn(extents), 0);
      bytesKept += kept;
      fetchedTwice += twice;
      onKill(`${kill}: killed while ${stage}, ${kept} of ${bytes} bytes verified, ${twice} of them fetched twice`);
    }
    return { kills, seed, killedWhile, bytes, bytesKept, fetchedTwice, wrong };
  } finally {
    await hub.close();
    await rm(folder, { recursive: true, force: true });
  }
}

function startPull({ url }: LoopbackHub, home: string) {
  const args = [fileURLToPath(program), 'pull', 'org/shapes', '--quantization-encoding', 'q4_k_m', '--quiet'];
  const environment = { PATH: process.env['PATH'], VSERVE_HOME: home, HF_HOME: join(home, 'none'), HF_ENDPOINT: url };
  return spawn(process.execPath, args, { env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Pulls to completion and resolves with the hashes of all resulting files, as text. Throws its output if it fails. */
async function pull(hub: LoopbackHub, home: string): Promise<string> {
  const child = startPull(hub, home);
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  await once(child, 'close');
  if (child.exitCode !== 0) throw new Error(`exit code ${child.exitCode}: ${stderr}`);
  const snapshots = join(home, 'hub', 'models--org--shapes', 'snapshots');
  const [commit = ''] = await readdir(snapshots);
  const names = (await readdir(join(snapshots, commit))).toSorted();
  const paths = [...stdout.trim().split('\n'), ...names.map((name) => join(snapshots, commit, name))];
  const hashes = await Promise.all(
    paths.map(
      async (path) =>
        `${basename(path)} ${createHash('sha256')
          .update(await readFile(path))
          .digest('hex')}`,
    ),
  );
  return hashes.join('\n');
}

/** Starts a pull and kills it after a delay, unless it has ended. */
async function killedPull(hub: LoopbackHub, home: string, milliseconds: number): Promise<void> {
  const child = startPull(hub, home);
  const closed = once(child, 'close');
  await Promise.race([sleep(milliseconds), closed]);
  child.kill('SIGKILL');
  await closed;
}

async function stageOf(home: string): Promise<Stage> {
  if ((await readdir(join(home, 'converted')).catch(() => [])).length > 0) return 'finished';
  const [work] = await readdir(join(home, 'converting')).catch((): string[] => []);
  if (work === undefined) return 'downloading';
  return existsSync(join(home, 'converting', work, 'unquantized.gguf')) ? 'quantizing' : 'converting';
}

/** For each file, the bytes on disk that are known to be correct: by the journal, or as a blob. */
async function verifiedExtents(
  home: string,
  files: ReadonlyMap<string, HostedFile>,
): Promise<Map<string, readonly Extent[]>> {
  const found = new Map<string, readonly Extent[]>();
  for (const [path, { content, lfs }] of files) {
    const blob = join(home, 'hub', 'models--org--shapes', 'blobs', lfs ? sha256(content) : gitHash(content));
    found.set(path, existsSync(blob) ? [{ start: 0, end: content.length }] : await journalExtents(blob));
  }
  return found;
}

async function journalExtents(blob: string): Promise<readonly Extent[]> {
  const partial = await readFile(`${blob}.incomplete`).catch(() => Buffer.alloc(0));
  const journal = await readFile(`${blob}.journal`, 'utf8').catch(() => '');
  // A kill may have truncated the last line.
  const lines = journal.split('\n').slice(0, -1);
  return lines
    .map((line) => JSON.parse(line) as Extent & { readonly crc32: number })
    .filter((extent) => crc32(partial.subarray(extent.start, extent.end)) === extent.crc32)
    .reduce<Extent[]>(union, []);
}

function askedAgain(hub: LoopbackHub, verified: ReadonlyMap<string, readonly Extent[]>): number {
  const twice = [...verified].flatMap(([path, extents]) =>
    hub.requestsFor(path).map(({ range: [first, last] = [0, Infinity] }) => {
      const asked = { start: first, end: last + 1 };
      return extents.reduce((sum, extent) => sum + bytesIn([extent]) - bytesIn(gaps([asked], extent)), 0);
    }),
  );
  return twice.reduce((sum, bytes) => sum + bytes, 0);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = scriptArguments({
    options: {
      kills: { type: 'string', default: '50' },
      seed: { type: 'string', default: '1' },
      layers: { type: 'string', default: '1' },
      width: { type: 'string', default: '512' },
    },
  });
  const [kills, seed, layers, width] = [values.kills, values.seed, values.layers, values.width].map(Number) as [
    number,
    number,
    number,
    number,
  ];
  const report = await killPulls({ kills, seed, layers, width, downloadSeconds: 2 }, (line) => console.log(line));
  console.log(JSON.stringify(report));
  process.exitCode = report.fetchedTwice === 0 && report.wrong.length === 0 ? 0 : 1;
}
