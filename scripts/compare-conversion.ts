/**
 * Converts a checkpoint of random weights with vserve and with llama.cpp's converter, alternately, and prints a table of
 * the time until the files are on disk (`sync`) and of the peak resident memory of each process with its children
 * (Linux). Types that llama.cpp's converter does not write are converted by vserve only.
 *
 *     node dist/scripts/compare-conversion.js --python <python> --converter <convert_hf_to_gguf.py>
 *       [--layers 5] [--width 2048] [--vocabulary 65536] [--rounds 3] [--type bf16] [--type q8_0] [--type q4_k_m]
 *
 * The sizes above make a checkpoint of 1 GB.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { scriptArguments, usageError } from './arguments.ts';
import { median } from './bench/statistics.ts';
import { writeLargeCheckpoint } from '../test/reference/large-checkpoint.ts';

const { values: options } = scriptArguments({
  options: {
    python: { type: 'string' },
    converter: { type: 'string' },
    folder: { type: 'string', default: 'compare-conversion' },
    layers: { type: 'string', default: '5' },
    width: { type: 'string', default: '2048' },
    vocabulary: { type: 'string', default: '65536' },
    rounds: { type: 'string', default: '3' },
    type: { type: 'string', multiple: true, default: ['bf16', 'q8_0', 'q4_k_m'] },
  },
});
const { python, converter } = options;
if (python === undefined || converter === undefined) usageError('--python and --converter are required');

interface Run {
  readonly seconds: number;
  readonly peakRssBytes: number;
}

async function run(command: readonly string[]): Promise<Run> {
  const [program = '', ...args] = command;
  const start = performance.now();
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
  const closed = once(child, 'close');
  let peakRssBytes = 0;
  const look = async () => {
    peakRssBytes = Math.max(peakRssBytes, await residentBytes(child.pid ?? 0));
  };
  const watch = setInterval(() => void look(), 20);
  await closed;
  clearInterval(watch);
  await once(spawn('sync', { stdio: 'ignore' }), 'close');
  if (child.exitCode !== 0) throw new Error(`${command.join(' ')}\n${errors}`);
  return { seconds: (performance.now() - start) / 1000, peakRssBytes };
}

/** Resident memory of a process and its descendants. */
async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const own = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
  const tasks: string[] = await readdir(`/proc/${pid}/task`).catch(() => []);
  const children = await Promise.all(
    tasks.map((task) => readFile(`/proc/${pid}/task/${task}/children`, 'utf8').catch(() => '')),
  );
  const below = children
    .join(' ')
    .split(' ')
    .filter((id) => id !== '');
  const sizes = await Promise.all(below.map((id) => residentBytes(Number(id))));
  return own + sizes.reduce((sum, bytes) => sum + bytes, 0);
}

function show(name: string, runs: readonly Run[]): string {
  const seconds = median(runs.map((one) => one.seconds)).toFixed(2);
  const peak = Math.max(...runs.map(({ peakRssBytes }) => peakRssBytes)) / 1e6;
  return `${name.padEnd(12)} ${seconds.padStart(7)} s  peak RSS ${peak.toFixed(0).padStart(5)} MB`;
}

const folder = resolve(options.folder);
const source = join(folder, 'checkpoint');
const program = fileURLToPath(new URL('../../bin/vserve.js', import.meta.url));
await mkdir(folder, { recursive: true });
const bytes = await writeLargeCheckpoint(source, {
  layers: Number(options.layers),
  width: Number(options.width),
  vocabulary: Number(options.vocabulary),
  shards: 3,
});
console.log(`checkpoint: ${(bytes / 1e9).toFixed(2)} GB, ${options.rounds} alternating rounds, medians`);
for (const type of options.type) {
  const ours = ['convert', source, join(folder, 'ours'), '--quantization-encoding', type];
  const theirs = [converter, source, '--outtype', type, '--outfile', join(folder, 'theirs.gguf')];
  const isTheirs = ['f32', 'f16', 'bf16', 'q8_0'].includes(type);
  const runs: { ours: Run[]; theirs: Run[] } = { ours: [], theirs: [] };
  for (let round = 0; round < Number(options.rounds); round++) {
    runs.ours.push(await run([process.execPath, program, ...ours]));
    await rm(join(folder, 'ours'), { recursive: true });
    if (!isTheirs) continue;
    runs.theirs.push(await run([python, ...theirs]));
    await rm(join(folder, 'theirs.gguf'));
  }
  console.log(`${type}\n  ${show('vserve', runs.ours)}`);
  if (!isTheirs) continue;
  const times = [runs.theirs, runs.ours].map((side) => median(side.map(({ seconds }) => seconds)));
  console.log(`  ${show('llama.cpp', runs.theirs)}\n  ${((times[0] ?? 0) / (times[1] ?? 1)).toFixed(1)} times as fast`);
}
await rm(folder, { recursive: true });
