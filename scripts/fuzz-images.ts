/**
 * Decodes tens of thousands of mutated images in a child process, and checks that it neither crashes nor hangs nor grows:
 * every image is decoded or refused.
 *
 *     node dist/scripts/fuzz-images.js [--count 100000] [--seed 1] [--from 0]
 *
 * The last line is JSON: {"seed", "decoded", "refused", "slowestMs", "firstRssMb", "lastRssMb"}; the first RSS is taken
 * after a tenth of the images. An image depends only on the seed and its number: `--from` resumes near a crash.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { scriptArguments } from './arguments.ts';
import sharp from 'sharp';
import { VserveError } from '../src/errors/index.ts';
import { Decoder } from '../src/media/decoder.ts';
import { MediaBudget } from '../src/media/media-budget.ts';
import { mutateBytes } from './fuzz/mutate.ts';
import { randomBits } from '../test/reference/random.ts';

const MIB = 1024 * 1024;
const atOnce = 2;
const timeoutMs = 10_000;
const fixtures = join(import.meta.dirname, '..', '..', 'test', 'fixtures', 'images');

interface Progress {
  readonly done: number;
  readonly rssMb: number;
}

interface Result extends Progress {
  readonly decoded: number;
  readonly refused: number;
  readonly slowestMs: number;
}

/** Images of all formats: those of the tests, and those that only libvips writes. */
async function originals(): Promise<Buffer[]> {
  const names = (await readdir(fixtures)).filter((name) => !name.endsWith('.json'));
  const files = await Promise.all(names.map((name) => readFile(join(fixtures, name))));
  const raw = { width: 40, height: 30, channels: 4 } as const;
  const random = randomBits(7);
  const pixels = Buffer.from(Array.from({ length: raw.width * raw.height * raw.channels }, random));
  const image = () => sharp(pixels, { raw });
  return [
    ...files,
    await image().avif({ effort: 1 }).toBuffer(),
    await image().removeAlpha().avif({ lossless: true, effort: 1 }).toBuffer(),
    await image().png({ progressive: true }).toBuffer(),
    await image().toColourspace('rgb16').png().toBuffer(),
    await image().webp({ alphaQuality: 50 }).toBuffer(),
    await image().tiff({ tile: true, compression: 'deflate', predictor: 'horizontal' }).toBuffer(),
    await image().removeAlpha().tiff({ compression: 'jpeg' }).toBuffer(),
    await image()
      .withIccProfile('p3')
      .withExif({ IFD0: { Artist: 'vserve' } })
      .jpeg()
      .toBuffer(),
  ];
}

/** Image number n: a corrupted original, sometimes with a piece of another. */
function mutant(files: readonly Buffer[], seed: number, number: number): Buffer {
  const bits = randomBits(seed * 1_000_003 + number);
  const below = (limit: number): number => bits() % limit;
  const anyFile = (): Buffer => files[below(files.length)] ?? Buffer.alloc(0);
  const file = mutateBytes(anyFile(), below);
  if (below(4) === 0 && file.length > 0) {
    const at = below(file.length);
    const room = file.length - at;
    file.set(anyFile().subarray(below(40)).subarray(0, room), at);
  }
  return file;
}

function rssMb(): number {
  return Math.round(process.memoryUsage.rss() / 1e6);
}

async function decodeAll(count: number, seed: number, from: number): Promise<Result> {
  const files = await originals();
  const decoder = new Decoder({ timeoutMs });
  let next = from;
  let decoded = 0;
  let refused = 0;
  let slowestMs = 0;
  async function work(): Promise<void> {
    while (next < from + count) {
      const image = { pieces: [new Uint8Array(mutant(files, seed, next++))], encoding: 'bytes' } as const;
      const { signal } = new AbortController();
      const startedAtMs = performance.now();
      try {
        await decoder.decode(image, { budget: new MediaBudget(16 * MIB), maxPixels: 1_000_000, signal });
        decoded += 1;
      } catch (error) {
        if (!(error instanceof VserveError)) throw error;
        if (error.message.includes('took longer')) throw new Error(`Image ${next - 1} hangs`, { cause: error });
        refused += 1;
      }
      slowestMs = Math.max(slowestMs, performance.now() - startedAtMs);
      const done = decoded + refused;
      if (done % Math.ceil(count / 10) === 0) process.send?.({ done, rssMb: rssMb() } satisfies Progress);
    }
  }
  await Promise.all(Array.from({ length: atOnce }, work));
  await decoder.close();
  return { done: decoded + refused, rssMb: rssMb(), decoded, refused, slowestMs: Math.round(slowestMs) };
}

/** Decodes the images in a child process. Throws if it ends early. */
async function watchChild(args: readonly string[], seed: number): Promise<void> {
  const child = fork(import.meta.filename, [...args, '--child']);
  const seen: (Progress | Result)[] = [];
  child.on('message', (progress: Progress | Result) => {
    seen.push(progress);
    if (!('decoded' in progress)) console.log(`${progress.done} images, ${progress.rssMb} MB`);
  });
  const [exitCode, exitSignal] = (await once(child, 'exit')) as [number | null, string | null];
  const last = seen.at(-1);
  if (exitCode !== 0 || last === undefined || !('decoded' in last)) {
    throw new Error(
      `It ended with ${String(exitSignal ?? exitCode)} after ${last?.done ?? 0} pictures of seed ${seed}`,
    );
  }
  const { decoded, refused, slowestMs, rssMb: lastRssMb } = last;
  console.log(JSON.stringify({ seed, decoded, refused, slowestMs, firstRssMb: seen[0]?.rssMb, lastRssMb }));
}

const { values } = scriptArguments({
  options: {
    count: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '1' },
    from: { type: 'string', default: '0' },
    child: { type: 'boolean', default: false },
  },
});
const seed = Number(values.seed);
if (values.child)
  process.send?.(await decodeAll(Number(values.count), seed, Number(values.from)), () => process.exit());
else await watchChild(process.argv.slice(2), seed);
