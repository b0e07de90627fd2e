import type { EmbeddingPooling, FlashAttention, LoadSettings } from '../../../src/backend/index.ts';
import type { ProcessorChanges } from '../image-budget/processor-changes.ts';
import type { ImagePlacement } from '../image-placement.ts';

/** Settings that reach the engine as they are, and what was worked out from the others. */
export interface NativeEngineOptions extends Pick<
  LoadSettings,
  'enablePrefixCaching' | 'kvCacheFormat' | 'maxVisionCacheEntries' | 'mmprojEncoding'
> {
  /** Empty: text only. */
  readonly mmprojPath: string;
  /** In place of the model's own; undefined: that. */
  readonly chatTemplate?: string | undefined;
  /** Tokens that end an answer, besides those that llama.cpp knows. */
  readonly endTokens: readonly number[];
  /** Undefined: llama.cpp's own. */
  readonly imagePlacement: ImagePlacement | undefined;
  /** KV cells: of each sequence, or shared by all. */
  readonly contextCells: number;
  /** Whether each sequence has cells of its own. */
  readonly separateCells: boolean;
  /** Tokens that one sequence may hold. */
  readonly maxLength: number;
  readonly maxSequences: number;
  /** Limit of one step. */
  readonly batchTokens: number;
  /** For generating, and for prompts and images. */
  readonly threads: number;
  readonly threadsBatch: number;
  /** Whether `threads` is a limit, and fewer are used beside busy programs. */
  readonly threadsAdapt: boolean;
  readonly threadsBatchAdapt: boolean;
  /** The file that counts how often this process had to wait for CPU time: `throttleCounter()`. */
  readonly throttleCounter: string | undefined;
  /** Available to this process. */
  readonly cpus: number;
  readonly useGpu: boolean;
  /** What images are prepared with, in place of the processor's own settings. */
  readonly imageDefaults: ProcessorChanges;
  /** What requests may ask for at most, as far as there is memory. */
  readonly largestImage: ProcessorChanges;
  /** Of one input of the encoder; undefined where only the context bounds it. */
  readonly maxImageTokens: number | undefined;
  /** Limit of the memory in which a picture is encoded: where the largest takes more, pictures are scaled down. */
  readonly encoderBytes: number | undefined;
  /** Of the context. */
  readonly flashAttention: FlashAttention;
  readonly encoderFlashAttention: FlashAttention;
  /** Limit for copies of KV cells outside of the context. */
  readonly kvCopyBytes: number;
  /** Limit for the embeddings of cached images, besides their number. */
  readonly cachedImageBytes: number;
}

/** Settings of an embedder: as of an engine. */
export interface NativeEmbedderOptions extends Pick<
  NativeEngineOptions,
  | 'mmprojPath'
  | 'imagePlacement'
  | 'maxLength'
  | 'maxSequences'
  | 'threads'
  | 'useGpu'
  | 'flashAttention'
  | 'encoderFlashAttention'
  | 'imageDefaults'
  | 'largestImage'
  | 'mmprojEncoding'
  | 'maxVisionCacheEntries'
  | 'cachedImageBytes'
> {
  readonly pooling: EmbeddingPooling;
  readonly isCausal: boolean;
}
