/**
 * Kills conversions and quantizations (SIGKILL) at random moments, alternating between `vserve convert` and `vserve serve`
 * (which converts into the store). After each kill the next run must finish with the same bytes as an undisturbed run,
 * and leave nothing behind.
 *
 *     node dist/scripts/kill-conversions.js [--kills 50] [--seed 1] [--layers 2] [--width 1024] [--folder kills]
 *
 * The last line is JSON: {"kills", "seed", "killedInTime", "wrong"}. `killedInTime` counts the runs that had not finished
 * when they were killed; anything in `wrong` makes the exit code 1.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, existsSync } from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { scriptArguments } from './arguments.ts';
import { randomBits } from '../test/reference/random.ts';
import { writeLargeCheckpoint } from '../test/reference/large-checkpoint.ts';

const { values: options } = scriptArguments({
  options: {
    kills: { type: 'string', default: '50' },
    seed: { type: 'string', default: '1' },
    layers: { type: 'string', default: '2' },
    width: { type: 'string', default: '1024' },
    folder: { type: 'string', default: 'kills' },
  },
});
const kills = Number(options.kills);
const folder = resolve(options.folder);
const source = join(folder, 'checkpoint');
const home = join(folder, 'home');
const program = fileURLToPath(new URL('../../bin/vserve.js', import.meta.url));
const next = randomBits(Number(options.seed));
const wrong: string[] = [];

/** A way to make a model: its command, when it is done, and where its files are. */
interface Way {
  readonly name: string;
  readonly arguments: readonly string[];
  /** Output that shows that a server is done, which is then stopped; undefined waits for the process to end. */
  readonly doneAt: RegExp | undefined;
  readonly model: () => Promise<string>;
  readonly clean: () => Promise<void>;
  readonly leftovers: () => Promise<string[]>;
}

function intoFolder(precision: string): Way {
  const destination = join(folder, `out-${precision}`);
  return {
    name: `convert to ${precision}`,
    arguments: ['convert', source, destination, '--quantization-encoding', precision],
    doneAt: undefined,
    model: async () => join(destination, 'model.gguf'),
    clean: () => rm(destination, { recursive: true, force: true }),
    leftovers: async () => (await readdir(folder)).filter((name) => name.startsWith('.')),
  };
}

function intoStore(precision: string): Way {
  const converted = join(home, 'converted');
  const find = async () => (await readdir(converted)).find((name) => name.includes(`-${precision}-`)) ?? 'none';
  return {
    name: `serve in ${precision}`,
    arguments: [
      'serve',
      '--model',
      source,
      '--quantization-encoding',
      precision,
      '--devices',
      'cpu',
      '--max-length',
      '256',
    ],
    doneAt: /Server ready/,
    model: async () => join(converted, await find(), 'model.gguf'),
    clean: () => rm(converted, { recursive: true, force: true }),
    leftovers: async () => readdir(join(home, 'converting')),
  };
}

function start(way: Way): ChildProcess {
  const environment = { ...process.env, VSERVE_HOME: home, MAX_SERVE_PORT: '0', MAX_SERVE_HOST: '127.0.0.1' };
  return spawn(process.execPath, [program, ...way.arguments], { env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Runs one to completion and resolves with the model's hash. Throws its output if it fails. */
async function finish(way: Way): Promise<string> {
  const child = start(way);
  const closed = once(child, 'close');
  let text = '';
  const isDone = new Promise<void>((done) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
        if (way.doneAt?.test(text) === true) done();
      });
    }
  });
  await Promise.race([isDone, closed]);
  child.kill('SIGTERM');
  await closed;
  if (way.doneAt === undefined ? child.exitCode !== 0 : !way.doneAt.test(text)) throw new Error(text);
  const hash = createHash('sha256');
  await pipeline(createReadStream(await way.model()), hash);
  return hash.digest('hex');
}

/** Kills one at a random moment before `limitMs`. Resolves with whether it was still working. */
async function kill(way: Way, limitMs: number): Promise<boolean> {
  const child = start(way);
  const closed = once(child, 'exit');
  await Promise.race([sleep((next() / 2 ** 32) * limitMs), closed]);
  const wasRunning = child.kill('SIGKILL');
  await closed;
  return wasRunning;
}

await mkdir(folder, { recursive: true });
await writeLargeCheckpoint(source, {
  layers: Number(options.layers),
  width: Number(options.width),
  vocabulary: 4096,
  shards: 2,
});
const ways = ['bf16', 'q4_k_m', 'q8_0', 'q6_k'].flatMap((precision) => [intoFolder(precision), intoStore(precision)]);
const expected = new Map<Way, { hash: string; milliseconds: number }>();
let killedInTime = 0;
for (let i = 0; i < kills; i++) {
  const way = ways[i % ways.length] as Way;
  if (!expected.has(way)) {
    const started = performance.now();
    expected.set(way, { hash: await finish(way), milliseconds: performance.now() - started });
  }
  const { hash, milliseconds } = expected.get(way) ?? { hash: '', milliseconds: 0 };
  await way.clean();
  if (await kill(way, milliseconds)) killedInTime++;
  const isThere = existsSync(await way.model().catch(() => ''));
  // Files that survive a kill are complete; `convert` refuses to overwrite, so they are removed.
  if (isThere && way.doneAt === undefined) await way.clean();
  const found = await finish(way).catch((error: unknown) => String(error));
  const left = await way.leftovers();
  if (found !== hash) wrong.push(`${way.name}, kill ${i + 1}: ${found}`);
  if (left.length > 0) wrong.push(`${way.name}, kill ${i + 1} left ${left.join(', ')}`);
  console.log(`${i + 1}: ${way.name}: ${wrong.length === 0 ? 'ok' : wrong.at(-1)}`);
  await way.clean();
}
await rm(folder, { recursive: true });
console.log(JSON.stringify({ kills, seed: Number(options.seed), killedInTime, wrong }));
process.exitCode = wrong.length === 0 ? 0 : 1;
