import type { LoadSettings } from '../../src/backend/index.ts';

/** Where the layers of a loaded model are. */
export interface Placement {
  /** Of the model, with the output layer; 0 on a CPU. */
  readonly gpuLayers: number;
  readonly totalLayers: number;
  /** Of all GPUs that are used. */
  readonly gpuTotalBytes: number;
}

/** True if a GPU computes all of the model: what is left for the CPU is to sample. */
export function isOnGpu({ gpuLayers, totalLayers }: Placement): boolean {
  return gpuLayers >= totalLayers;
}

export interface StepSize {
  /** Tokens of one step. */
  readonly batchTokens: number;
  /** The part of them that prompts may have while other requests generate. */
  readonly promptShare: number;
}

const cpuStepTokens = 512;
const gpuStepTokens = 2048;
/** The buffers of large steps would take a good part of less memory. */
const gpuStepBytes = 6 * 1024 ** 3;

/**
 * The size of a step where `--max-batch-input-tokens` does not say. A CPU computes a token of a prompt in no less time for
 * having more of them, and they delay the streams: small steps, and a quarter of one beside streams. A GPU reads the weights
 * once a step, and is idle for the most part of a small one.
 */
export function stepSize(maxBatchInputTokens: number | undefined, placement: Placement): StepSize {
  const onGpu = isOnGpu(placement);
  const automatic = onGpu && placement.gpuTotalBytes >= gpuStepBytes ? gpuStepTokens : cpuStepTokens;
  return { batchTokens: maxBatchInputTokens ?? automatic, promptShare: onGpu ? 1 : 0.25 };
}

const cpuSequences = 8;
/** Conversations at a time, by the GPUs' memory: the most that is reached. */
const gpuSequences = [
  { gpuTotalBytes: 64 * 1024 ** 3, sequences: 64 },
  { gpuTotalBytes: 32 * 1024 ** 3, sequences: 32 },
  { gpuTotalBytes: 0, sequences: 16 },
];

/** How many conversations run at a time where neither `--max-batch-size` nor the memory limits them. */
export function defaultSequences(placement: Placement): number {
  if (placement.gpuLayers === 0) return cpuSequences;
  return gpuSequences.find(({ gpuTotalBytes }) => placement.gpuTotalBytes >= gpuTotalBytes)?.sequences ?? cpuSequences;
}

export interface ThreadCounts {
  /** For generating, and for prompts and images. */
  readonly threads: number;
  readonly threadsBatch: number;
}

/** Threads where none are set, on a CPU. */
export interface CpuThreads {
  /** For computing. */
  readonly compute: number;
  /** For generating: as many, or fewer for a small model. */
  readonly decode: number;
}

/**
 * The threads of an engine. Where a GPU has all layers, one for each row that may be sampled is enough, and one CPU is left
 * to the event loop.
 */
export function threadCounts(
  settings: Pick<LoadSettings, 'threads' | 'threadsBatch'>,
  placement: Placement,
  { compute, decode }: CpuThreads,
  maxSequences: number,
): ThreadCounts {
  const sampling = Math.max(1, Math.min(compute - 1, maxSequences));
  const automatic = isOnGpu(placement) ? { decode: sampling, compute: sampling } : { decode, compute };
  return {
    threads: settings.threads ?? automatic.decode,
    threadsBatch: settings.threadsBatch ?? settings.threads ?? automatic.compute,
  };
}
