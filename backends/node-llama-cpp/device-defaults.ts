/** Limit for the encoded images that are cached; one of Gemma 3 27B takes 5.5 MB. */
export const cachedImageBytes = 1024 ** 3;

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

const cpuStepTokens = 512;
const gpuStepTokens = 2048;
/** The buffers of large steps would take a good part of less memory. */
const gpuStepBytes = 6 * 1024 ** 3;

/**
 * Tokens of a step at most, where `--max-batch-input-tokens` does not say. A CPU computes a token of a prompt in no less time
 * for having more than some hundreds of them; a GPU reads the weights once a step, and is idle for the most part of a small
 * one. Beside streams, the engine measures how much of it they can bear.
 */
export function stepTokens(maxBatchInputTokens: number | undefined, placement: Placement): number {
  const isLargeGpu = isOnGpu(placement) && placement.gpuTotalBytes >= gpuStepBytes;
  return maxBatchInputTokens ?? (isLargeGpu ? gpuStepTokens : cpuStepTokens);
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

/** The threads of an engine where none are set. */
export interface ThreadDefaults {
  /** For generating. */
  readonly decode: number;
  /** For prompts and images. */
  readonly compute: number;
  /** Whether there are fewer beside busy programs. */
  readonly adapt: boolean;
}

/**
 * The threads of an engine where none are set, of those that suit a CPU. Where a GPU has all layers, one for each row that
 * may be sampled is enough, and one CPU is left to the event loop.
 */
export function automaticThreads(
  placement: Placement,
  { decode, compute }: Omit<ThreadDefaults, 'adapt'>,
  maxSequences: number,
): ThreadDefaults {
  if (!isOnGpu(placement)) return { decode, compute, adapt: true };
  const sampling = Math.max(1, Math.min(compute - 1, maxSequences));
  return { decode: sampling, compute: sampling, adapt: false };
}
