/**
 * `npm run bench`: measures vserve against llama-server, built from the same llama.cpp source, on the same GGUF files and
 * the same CPUs, alternately. Prints a Markdown table and writes every measurement as JSON.
 */
import { writeFile } from 'node:fs/promises';
import { availableParallelism, loadavg } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startLlama } from '../../backends/node-llama-cpp/llama-model.ts';
import { computeThreads } from '../../backends/node-llama-cpp/threads.ts';
import { Bench } from './bench.ts';
import type { Figure } from './figures.ts';
import { describeMachine, headOf } from './machine.ts';
import { describeModel, hybridModel, randomModel, shapesModel } from './model.ts';
import type { BenchModel } from './model.ts';
import { parseOptions, usage } from './options.ts';
import type { Options } from './options.ts';
import { preparePeer } from './peer.ts';
import { planOf, roughly, totalOf } from './plan.ts';
import type { ModelKind } from './plan.ts';
import { scenarios } from './scenarios/index.ts';
import { toTable } from './table.ts';

const ownVserve = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..', 'bin', 'vserve.js');
function log(line: string): void {
  console.error(line);
}

/** How many threads each server gets, and what llama.cpp says about the machine. */
async function threadsFor(options: Options): Promise<{ readonly threads: number; readonly systemInfo: string }> {
  const llama = await startLlama(
    { gpu: 'never', indices: undefined },
    { log: () => undefined, signal: new AbortController().signal },
  );
  const threads = computeThreads(llama);
  const { systemInfo } = llama;
  await llama.dispose();
  if (options.threads === undefined) return { threads, systemInfo };
  if (options.threads > threads) throw new Error(`vserve takes at most ${String(threads)} threads here.`);
  if (options.threads < availableParallelism() && process.platform !== 'linux') {
    throw new Error('--threads needs taskset, which only Linux has.');
  }
  return { threads: options.threads, systemInfo };
}

/** A model with conversations no longer than asked for. */
function shortened(model: BenchModel, { maxLength }: Options): BenchModel {
  return { ...model, maxLength: Math.min(model.maxLength, maxLength ?? Infinity) };
}

function modelOf(kind: ModelKind, { cacheDir, files }: Options, peerDir: string): Promise<BenchModel> {
  if (kind === 'embedded') return shapesModel(cacheDir);
  if (kind === 'hybrid') return hybridModel(cacheDir, log);
  return files ? describeModel('model', files.modelPath, files.mmprojPath) : randomModel(cacheDir, peerDir, log);
}

async function main(): Promise<void> {
  const args = process.argv.slice(2);
  if (args.includes('--help')) return console.log(usage);
  const options = parseOptions(args);
  const { threads, systemInfo } = await threadsFor(options);
  const peerDir = options.peerDir ?? (await preparePeer(options.cacheDir, log));
  const vservePath = options.vservePath ?? ownVserve;
  const { rounds, streams, outputTokens, promptWords } = options;
  const machine = describeMachine(threads, systemInfo, peerDir);
  console.log(headOf(machine));
  const parts = planOf(options.only, options);
  log(`About ${roughly(totalOf(parts))} on two quiet cores with the default loads`);
  const loads = { rounds, streams, outputTokens, promptWords };
  const results: { model: BenchModel; figures: Figure[]; failures: readonly string[] }[] = [];
  for (const part of parts) {
    const model = shortened(await modelOf(part.kind, options, peerDir), options);
    const bench = new Bench({ ...options, model, threads, peerDir, vservePath, log });
    const result = { model, figures: [] as Figure[], failures: bench.failures };
    results.push(result);
    try {
      for (const { name, expectedS } of part.scenarios) {
        log(`\n${model.name}, ${name} (about ${roughly(expectedS)})`);
        const startedAtMs = performance.now();
        bench.scenario = name;
        await scenarios[name](bench);
        log(`${name}: took ${roughly((performance.now() - startedAtMs) / 1000)}`);
        result.figures = [...bench.figures.values()];
        const report = { machine, load: loadavg(), loads, results };
        await writeFile(options.jsonPath, `${JSON.stringify(report, undefined, 2)}\n`);
      }
    } finally {
      await bench.close();
    }
    const tail = bench.failures.map((failure) => `\n${failure}`).join('');
    console.log(`\n${model.name}\n\n${toTable(result.figures)}\n${tail}`);
  }
  console.log(`\nEvery measurement is in ${options.jsonPath}.`);
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error, error instanceof Error ? (error.cause ?? '') : '');
  process.exitCode = 1;
}
