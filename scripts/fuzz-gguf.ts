/**
 * Loads hundreds of corrupted GGUF files in a child process and sends each a request: it must be refused with a named
 * error or answer, and must neither end the process nor keep it busy for long.
 *
 *     node dist/scripts/fuzz-gguf.js [--count 2000] [--seed 1] [--from 0] [checkpoint…]
 *
 * The last line is JSON: cases answered, cases refused by error code, and the slowest case. A case depends only on the
 * seed, its number and the checkpoints: `--from` resumes near a failure. Default: one checkpoint of each family.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import backend from '../backends/node-llama-cpp/index.ts';
import type { ModelFiles } from '../src/backend/index.ts';
import { convertCheckpoint } from '../src/convert/index.ts';
import { VserveError } from '../src/errors/index.ts';
import { scriptArguments } from './arguments.ts';
import { ask } from '../test/engine/ask.ts';
import { bitmapOf } from '../test/engine/conversations.ts';
import { seeingNames } from '../test/engine/seeing-checkpoints.ts';
import { SpoiltGguf } from './fuzz/spoilt-gguf.ts';
import { referenceCheckpoints } from '../test/reference/checkpoints.ts';
import { chosenNames } from '../test/reference/chosen-names.ts';
import { writeCheckpoint } from '../test/reference/write-checkpoint.ts';
import { defaultLoadSettings } from '../src/settings/index.ts';

/** Longer is a hang. Counted second by second, so that a pause of the whole machine does not count. */
const timeoutS = 60;
const settings = { ...defaultLoadSettings, devices: 'cpu', maxLength: undefined, maxBatchSize: 1, threads: 1 };

type Outcome = { readonly number: number; readonly change: string; readonly end?: string; readonly tookMs?: number };

async function convert(name: string, folder: string): Promise<ModelFiles> {
  const sourceDir = join(folder, name);
  const checkpoint = referenceCheckpoints[name]?.checkpoint;
  if (checkpoint === undefined) throw new Error(`There is no checkpoint ${name}.`);
  await writeCheckpoint(sourceDir, checkpoint);
  return convertCheckpoint({
    sourceDir,
    destinationDir: join(folder, `${name}-gguf`),
    outtype: 'f16',
    onProgress: () => undefined,
    signal: new AbortController().signal,
  });
}

async function tryFiles(files: ModelFiles): Promise<string> {
  const { signal } = new AbortController();
  try {
    const model = await backend.load(files, settings, { onProgress: () => undefined, log: () => undefined, signal });
    try {
      const image = { type: 'image', image: bitmapOf({ width: 90, height: 60, seed: 1 }) } as const;
      const text = { type: 'text', text: 'What is it?' } as const;
      await ask(model, [{ role: 'user', content: model.info.capabilities.vision ? [image, text] : [text] }]);
    } finally {
      await model.close();
    }
    return 'answered';
  } catch (error) {
    if (error instanceof VserveError) return error.code;
    throw error;
  }
}

async function tryAll(models: readonly ModelFiles[], folder: string, seed: number, from: number, to: number) {
  const spoilt = await SpoiltGguf.read(models, folder);
  for (let number = from; number < to; number++) {
    const { files, change } = await spoilt.write(seed, number);
    process.send?.({ number, change } satisfies Outcome);
    const startedAtMs = performance.now();
    const end = await tryFiles(files);
    process.send?.({ number, change, end, tookMs: Math.round(performance.now() - startedAtMs) } satisfies Outcome);
  }
}

/** Runs cases in child processes, a new one after each that ends early. */
async function watch(models: readonly ModelFiles[], folder: string, seed: number, from: number, to: number) {
  const ends: Record<string, number> = {};
  const failures: string[] = [];
  let slowest = { tookMs: 0, change: '' };
  for (let next = from; next < to;) {
    const child = fork(import.meta.filename, ['--child', JSON.stringify({ models, folder, seed, from: next, to })], {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    let complaint = '';
    child.stderr?.on('data', (data: Buffer) => {
      complaint = `${complaint}${data.toString()}`.slice(-2000);
    });
    let current: Outcome | undefined;
    let silentS = 0;
    const hang = setInterval(() => {
      silentS += 1;
      if (silentS > timeoutS) child.kill('SIGKILL');
    }, 1000);
    child.on('message', (message: Outcome) => {
      silentS = 0;
      current = message;
      if (message.end === undefined) return;
      ends[message.end] = (ends[message.end] ?? 0) + 1;
      const tookMs = message.tookMs ?? 0;
      if (tookMs > slowest.tookMs) slowest = { tookMs, change: message.change };
    });
    const [exitCode, exitSignal] = (await once(child, 'exit')) as [number | null, string | null];
    clearInterval(hang);
    if (exitCode === 0) break;
    if (current === undefined) throw new Error(`It did not begin: ${complaint}`);
    next = current.number + 1;
    const failure = `Case ${current.number} ended with ${exitSignal ?? String(exitCode)}: ${current.change}\n  ${complaint.trim().split('\n').slice(-3).join('\n  ')}`;
    failures.push(failure);
    console.log(failure);
  }
  console.log(JSON.stringify({ seed, ends, failures: failures.length, slowest }));
  if (failures.length > 0) process.exitCode = 1;
}

const { values, positionals } = scriptArguments({
  allowPositionals: true,
  options: {
    count: { type: 'string', default: '2000' },
    seed: { type: 'string', default: '1' },
    from: { type: 'string', default: '0' },
    child: { type: 'string' },
  },
});
if (values.child === undefined) {
  const names = chosenNames(positionals, Object.keys(referenceCheckpoints), seeingNames);
  const folder = await mkdtemp(join(tmpdir(), 'vserve-fuzz-gguf-'));
  try {
    const models: ModelFiles[] = [];
    for (const name of names) models.push(await convert(name, folder));
    const from = Number(values.from);
    await watch(models, folder, Number(values.seed), from, from + Number(values.count));
  } finally {
    await rm(folder, { recursive: true });
  }
} else {
  const { models, folder, seed, from, to } = JSON.parse(values.child) as Record<'seed' | 'from' | 'to', number> & {
    models: ModelFiles[];
    folder: string;
  };
  await tryAll(models, folder, seed, from, to);
  process.disconnect?.();
}
