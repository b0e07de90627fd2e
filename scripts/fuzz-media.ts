/**
 * Opens tens of thousands of mutated PDFs, HEICs and MP4s in a child process, and checks that it neither crashes nor hangs
 * nor grows: every file is shown or refused.
 *
 *     node dist/scripts/fuzz-media.js [--count 20000] [--seed 1] [--from 0]
 *
 * Videos are decoded where FFmpeg is installed, and left out elsewhere. The last line is JSON: {"seed", "shown", "refused",
 * "slowestMs", "firstRssMb", "lastRssMb", "videos"}; the first RSS is taken after a tenth of the files. A file depends only
 * on the seed and its number: `--from` resumes near a crash.
 */
import { fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { scriptArguments } from './arguments.ts';
import { VserveError } from '../src/errors/index.ts';
import { Decoder } from '../src/media/decoder.ts';
import { MediaBudget } from '../src/media/media-budget.ts';
import type { PartsAsk } from '../src/media/media-parts.ts';
import { mutateBytes } from './fuzz/mutate.ts';
import { randomBits } from '../test/reference/random.ts';
import { pdfOf, textAt } from '../test/support/pdf.ts';

const MIB = 1024 * 1024;
const atOnce = 2;
const timeoutMs = 30_000;
const fixtures = join(import.meta.dirname, '..', '..', 'test', 'fixtures');
const settings = {
  maxDocumentPages: 4,
  documentPageSide: 200,
  maxVideoFrames: 4,
  maxVideoSeconds: 10,
  ffmpeg: 'ffmpeg',
};

interface Progress {
  readonly done: number;
  readonly rssMb: number;
}

interface Result extends Progress {
  readonly shown: number;
  readonly refused: number;
  readonly slowestMs: number;
  readonly videos: number;
}

type Kind = 'pdf' | 'heic' | 'mp4';
type Originals = Readonly<Record<Kind, readonly Buffer[]>>;

async function originals(): Promise<Originals> {
  const documents = join(fixtures, 'documents');
  const names = (await readdir(documents)).filter((name) => name.endsWith('.pdf'));
  const pictures = (await readdir(fixtures)).filter((name) => name.endsWith('.heic'));
  const content = `1 0 0 rg 10 10 50 50 re f 0 g ${textAt(20, 60, 'Some words')}`;
  return {
    pdf: [
      pdfOf({ content }, { rotate: 90, content }),
      pdfOf({ width: 1e6, content }),
      ...(await Promise.all(names.map((name) => readFile(join(documents, name))))),
    ],
    heic: await Promise.all(pictures.map((name) => readFile(join(fixtures, name)))),
    mp4: await madeVideos(),
  };
}

/** Videos of a second by FFmpeg; none without it. */
async function madeVideos(): Promise<Buffer[]> {
  const folder = await mkdtemp(join(tmpdir(), 'fuzz-media-'));
  try {
    const videos: Buffer[] = [];
    for (const codec of ['mpeg4', 'libx264', 'mjpeg']) {
      const path = join(folder, `${codec}.mp4`);
      const source = ['-f', 'lavfi', '-i', 'testsrc=s=64x48:r=5:d=1', '-c:v', codec, '-pix_fmt', 'yuvj420p'];
      const { status } = spawnSync('ffmpeg', ['-v', 'error', ...source, '-threads', '1', path]);
      if (status === 0) videos.push(await readFile(path));
    }
    return videos;
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** File number n: a corrupted original. */
function mutant(files: Originals, seed: number, number: number): { kind: Kind; file: Buffer } {
  const bits = randomBits(seed * 1_000_003 + number);
  const below = (limit: number): number => bits() % limit;
  // A video takes two processes.
  const draw = below(10);
  const kind = draw < 6 ? 'pdf' : draw < 9 || files.mp4.length === 0 ? 'heic' : 'mp4';
  const original = files[kind][below(files[kind].length)] ?? Buffer.alloc(1);
  return { kind, file: mutateBytes(original, below) };
}

function rssMb(): number {
  return Math.round(process.memoryUsage.rss() / 1e6);
}

function askFor(kind: Kind): PartsAsk {
  if (kind === 'mp4') return { kind: 'video' };
  return { kind: 'document', pages: undefined, textLayer: kind === 'pdf' };
}

async function openAll(count: number, seed: number, from: number): Promise<Result> {
  const files = await originals();
  const decoder = new Decoder({ timeoutMs });
  let next = from;
  let [shown, refused, videos, slowestMs] = [0, 0, 0, 0];
  async function work(): Promise<void> {
    while (next < from + count) {
      const number = next++;
      const { kind, file } = mutant(files, seed, number);
      const { signal } = new AbortController();
      const startedAtMs = performance.now();
      if (kind === 'mp4') videos += 1;
      try {
        const source = { pieces: [new Uint8Array(file)], encoding: 'bytes' } as const;
        const limits = { budget: new MediaBudget(16 * MIB), maxPixels: 1_000_000, signal };
        // PDFs as text documents if their signature is gone, HEICs as images.
        await decoder.open(source, { asked: askFor(kind), settings }, limits);
        shown += 1;
      } catch (error) {
        if (!(error instanceof VserveError)) throw new Error(`File ${number} (${kind}) fails`, { cause: error });
        if (error.message.includes('took longer')) throw new Error(`File ${number} (${kind}) hangs`, { cause: error });
        refused += 1;
      }
      slowestMs = Math.max(slowestMs, performance.now() - startedAtMs);
      const done = shown + refused;
      if (done % Math.ceil(count / 10) === 0) process.send?.({ done, rssMb: rssMb() } satisfies Progress);
    }
  }
  await Promise.all(Array.from({ length: atOnce }, work));
  await decoder.close();
  return { done: shown + refused, rssMb: rssMb(), shown, refused, slowestMs: Math.round(slowestMs), videos };
}

/** Opens the files in a child process. Throws if it ends early. */
async function watchChild(args: readonly string[], seed: number): Promise<void> {
  const child = fork(import.meta.filename, [...args, '--child']);
  const seen: (Progress | Result)[] = [];
  child.on('message', (progress: Progress | Result) => {
    seen.push(progress);
    if (!('shown' in progress)) console.log(`${progress.done} files, ${progress.rssMb} MB`);
  });
  const [exitCode, exitSignal] = (await once(child, 'exit')) as [number | null, string | null];
  const last = seen.at(-1);
  if (exitCode !== 0 || last === undefined || !('shown' in last)) {
    throw new Error(`It ended with ${String(exitSignal ?? exitCode)} after ${last?.done ?? 0} files of seed ${seed}`);
  }
  const { shown, refused, slowestMs, videos, rssMb: lastRssMb } = last;
  console.log(JSON.stringify({ seed, shown, refused, slowestMs, firstRssMb: seen[0]?.rssMb, lastRssMb, videos }));
}

const { values } = scriptArguments({
  options: {
    count: { type: 'string', default: '20000' },
    seed: { type: 'string', default: '1' },
    from: { type: 'string', default: '0' },
    child: { type: 'boolean', default: false },
  },
});
const seed = Number(values.seed);
if (values.child) process.send?.(await openAll(Number(values.count), seed, Number(values.from)), () => process.exit());
else await watchChild(process.argv.slice(2), seed);
