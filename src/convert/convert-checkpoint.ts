import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { ConversionFiles, ConversionProgress } from '../conversion/index.ts';
import { OutputFiles } from './output-files.ts';
import { dtypeBytes } from './safetensors/dtypes.ts';
import type { Outtype } from './outtype.ts';
import type { ConversionPlan, OutputFile } from './plan/plan-conversion.ts';
import type { TensorMove } from './plan/tensor-move.ts';
import { chunksOf, writtenBytes } from './threads/chunk.ts';
import type { Chunk } from './threads/chunk.ts';
import type { ConversionThread } from './threads/conversion-thread.ts';
import { withThreads } from './threads/with-threads.ts';

export interface ConvertOptions {
  /** A folder with a checkpoint in Hugging Face's layout. */
  readonly sourceDir: string;
  /** Where `model.gguf` and, for a model with vision, `mmproj.gguf` are put. Created if it does not exist. */
  readonly destinationDir: string;
  readonly outtype: Outtype;
  /** The type of the mmproj, if different from the model's. */
  readonly mmprojOuttype?: Outtype | undefined;
  /** Replaces the folder's name in `general.name` and the other descriptive metadata. */
  readonly modelName?: string | undefined;
  readonly onProgress: (progress: ConversionProgress) => void;
  /** Receives warnings about parts that convert but will not work. */
  readonly onWarning?: ((message: string) => void) | undefined;
  readonly signal: AbortSignal;
}

export interface ConvertedModel extends ConversionFiles {
  /** The name in config.json by which the checkpoint was converted. */
  readonly architecture: string;
  /** What `auto` became; the output type asked for otherwise. */
  readonly outtype: string;
}

// Reading, converting and writing alternate within a thread, so a few more threads than cores keep both busy.
const minThreads = 4;
const maxThreads = 8;
/** A thread costs about as much as converting this much. */
const bytesPerThread = 32 * 1024 * 1024;

/**
 * Converts a Hugging Face checkpoint to GGUF, as llama.cpp's convert_hf_to_gguf.py does: the same tensors and
 * key-values, byte for byte. It reads and writes in chunks of a few megabytes on worker threads, so neither memory nor
 * the event loop depends on the size of the model. The files appear together, when both are complete and on the disk;
 * after an error or an abort, none remains.
 *
 * Throws `checkpoint_invalid`, `safetensors_invalid`, `shard_missing`, `architecture_unsupported`,
 *   `tokenizer_unsupported`, `tensor_unclaimed`, `tensor_missing`, `tensor_invalid`, `disk_full`, `invalid_setting`
 *   (the destination cannot be written)
 * Throws the signal's reason when it is aborted.
 */
export async function convertCheckpoint(options: ConvertOptions): Promise<ConvertedModel> {
  const { sourceDir, destinationDir, outtype, mmprojOuttype, modelName, onProgress, signal } = options;
  return withThreads(1, signal, async ([planner]) => {
    const plan = await planner.request({ kind: 'plan', options: { sourceDir, outtype, mmprojOuttype, modelName } });
    for (const warning of plan.warnings) options.onWarning?.(warning);
    const outputs = await OutputFiles.create(destinationDir, plan.files);
    try {
      await withWriters(plan, planner, signal, (threads) =>
        writeTensors(plan, sourceDir, outputs, threads, onProgress, signal),
      );
      signal.throwIfAborted();
      await outputs.publish();
    } catch (error) {
      await outputs.discard();
      throw error;
    }
    const { architecture } = plan;
    const mmprojPath = outputs.path('mmproj.gguf');
    return { modelPath: join(destinationDir, 'model.gguf'), mmprojPath, architecture, outtype: plan.outtype };
  });
}

/** What one thread can write is written by the one that is there. Before several begin, it gives back its memory. */
async function withWriters(
  plan: ConversionPlan,
  planner: ConversionThread,
  signal: AbortSignal,
  write: (threads: readonly ConversionThread[]) => Promise<void>,
): Promise<void> {
  const count = threadsFor(plan);
  if (count <= 1) return write([planner]);
  await planner.close();
  await withThreads(count, signal, write);
}

async function writeTensors(
  plan: ConversionPlan,
  sourceDir: string,
  outputs: OutputFiles,
  threads: readonly ConversionThread[],
  onProgress: ConvertOptions['onProgress'],
  signal: AbortSignal,
): Promise<void> {
  const shards = new Map<string, FileHandle>();
  try {
    const moves = plan.files.flatMap((file) => file.moves);
    for (const shard of new Set(moves.flatMap(shardsOf))) {
      shards.set(shard, await open(join(sourceDir, shard), 'r'));
    }
    const report = progressReporter(plan, onProgress);
    const chunks = allChunks(plan); // one generator: each thread takes the next chunk as soon as it is free
    const lanes = threads.map(async (thread) => {
      for (const { file, chunk } of chunks) {
        signal.throwIfAborted();
        const descriptors = {
          source: shards.get(chunk.shard)?.fd ?? -1,
          scale: shards.get(chunk.scale?.shard ?? '')?.fd ?? -1,
          delta: shards.get(chunk.delta?.shard ?? '')?.fd ?? -1,
          target: outputs.descriptor(file),
        };
        report(file, await thread.request({ kind: 'chunk', chunk, descriptors }));
      }
    });
    // No descriptor may be closed while a thread still uses it, so a failure waits for the other threads' chunks.
    for (const lane of await Promise.allSettled(lanes)) if (lane.status === 'rejected') throw lane.reason;
    for (const { file, byteLength } of plan.files) {
      onProgress({ file, bytesWritten: byteLength, bytesTotal: byteLength });
    }
  } finally {
    await Promise.all([...shards.values()].map((handle) => handle.close()));
  }
}

function shardsOf({ shard, scale, delta }: TensorMove): string[] {
  return [shard, ...(scale ? [scale.shard] : []), ...(delta ? [delta.shard] : [])];
}

function* allChunks({ files }: ConversionPlan): Generator<{ file: OutputFile; chunk: Chunk }, void, undefined> {
  for (const { file, moves } of files) {
    for (const move of moves) for (const chunk of chunksOf(move)) yield { file, chunk };
  }
}

function threadsFor({ files }: ConversionPlan): number {
  const moves = files.flatMap((file) => file.moves);
  const bytes = moves.reduce((sum, move) => sum + move.elements * dtypeBytes[move.dtype] + writtenBytes(move), 0);
  const atMost = Math.min(Math.max(availableParallelism(), minThreads), maxThreads);
  return Math.min(atMost, Math.ceil(bytes / bytesPerThread));
}

function progressReporter({ files }: ConversionPlan, onProgress: ConvertOptions['onProgress']) {
  const states = new Map(
    files.map(({ file, header, byteLength }) => [file, { bytesWritten: header.byteLength, byteLength }]),
  );
  return (file: OutputFile, bytes: number): void => {
    const state = states.get(file);
    if (state === undefined) return;
    state.bytesWritten += bytes;
    onProgress({ file, bytesWritten: state.bytesWritten, bytesTotal: state.byteLength });
  };
}
