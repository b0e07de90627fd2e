import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Contender } from './figures.ts';
import type { BenchModel } from './model.ts';

const engineAlone = fileURLToPath(new URL('./engine-alone.js', import.meta.url));

/** Common settings of the programs under measurement. */
export interface CommandSettings {
  readonly model: BenchModel;
  /** bin/vserve.js */
  readonly vservePath: string;
  /** The folder of llama-server and llama-batched-bench. */
  readonly peerDir: string;
  readonly threads: number;
  /** vserve's --devices. On a GPU, all layers of llama-server's model are there. */
  readonly devices: string;
}

/** Flags by their names without dashes. */
export type Flags = Readonly<Record<string, string | number>>;

/**
 * The command that starts a server with room for `maxBatchSize` conversations of the model's `maxLength`. Everything but
 * `more` is left at each server's default.
 */
export function serverCommand(
  contender: Contender,
  { model, vservePath, peerDir, threads, devices }: CommandSettings,
  maxBatchSize: number,
  port: number,
  more: Flags = {},
): string[] {
  const shared = { host: '127.0.0.1', port, model: model.modelPath, mmproj: model.mmprojPath };
  const ours = {
    ...shared,
    'served-model-name': 'bench',
    'max-length': model.maxLength,
    'max-batch-size': maxBatchSize,
    devices,
    'log-level': 'ERROR',
  };
  const theirs = {
    ...shared,
    alias: 'bench',
    'ctx-size': model.maxLength * maxBatchSize,
    parallel: maxBatchSize,
    threads,
    'threads-batch': threads,
    ...gpuLayers(devices),
  };
  const swaFull = contender === 'llama-server --swa-full' ? ['--swa-full'] : [];
  return onCpus(
    threads,
    contender === 'vserve'
      ? [process.execPath, vservePath, 'serve', ...flags({ ...ours, ...more })]
      : [join(peerDir, 'llama-server'), '--log-disable', ...swaFull, ...flags({ ...theirs, ...more })],
  );
}

/** The command that measures vserve's engine without a server. */
export function engineCommand(
  { model, threads, devices }: CommandSettings,
  { streams, promptWords, outputTokens }: { streams: number; promptWords: number; outputTokens: number },
): string[] {
  const options = {
    model: model.modelPath,
    mmproj: model.mmprojPath,
    'max-length': model.maxLength,
    devices,
    streams,
    'prompt-words': promptWords,
    'output-tokens': outputTokens,
  };
  return onCpus(threads, [process.execPath, engineAlone, ...flags(options)]);
}

/** The command that measures decoding without a server: `streams` prompts of `promptTokens`, `outputTokens` each. */
export function ceilingCommand(
  { model, peerDir, threads, devices }: CommandSettings,
  { streams, promptTokens, outputTokens }: { streams: number; promptTokens: number; outputTokens: number },
): string[] {
  const cellsPerStream = Math.ceil((promptTokens + outputTokens) / 256) * 256;
  const options = {
    model: model.modelPath,
    'output-format': 'jsonl',
    'ctx-size': cellsPerStream * streams,
    threads,
    'threads-batch': threads,
    ...gpuLayers(devices),
  };
  const sizes = ['-npp', promptTokens, '-ntg', outputTokens, '-npl', streams].map(String);
  return onCpus(threads, [join(peerDir, 'llama-batched-bench'), ...flags(options), ...sizes]);
}

/** More than any model has: all of them. */
function gpuLayers(devices: string): Readonly<Record<string, number>> {
  return { 'gpu-layers': devices === 'cpu' ? 0 : 999 };
}

function flags(options: Flags): string[] {
  return Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
}

/** vserve uses as many threads as it has CPUs: fewer threads are fewer CPUs, for both. */
function onCpus(threads: number, command: readonly string[]): string[] {
  return threads === availableParallelism()
    ? [...command]
    : ['taskset', '--cpu-list', `0-${String(threads - 1)}`, ...command];
}
