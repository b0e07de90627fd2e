import type { LoadedModel } from './loaded-model.ts';
import type { specificationVersion } from './specification-version.ts';

/** The files of a model that is ready to load. */
export interface ModelFiles {
  /** Absolute path of the text model's GGUF; empty without one, for a backend that needs none. */
  readonly modelPath: string;
  /** Absolute path of the vision projector's GGUF, where the model has one. */
  readonly mmprojPath: string | undefined;
  /** What `--model` says, for a backend that `servesElsewhere`; absent if it says nothing. */
  readonly modelName?: string;
  /** GGUF files of LoRA adapters that `loadAdapter` will be given: memory is kept for them. */
  readonly adapterPaths?: readonly string[];
}

/** How a model is loaded. Defaults are those of the options with the same names: a backend has none of its own. */
export interface LoadSettings {
  /** Maximum tokens of one conversation; undefined takes what the model was trained for, as far as memory allows. */
  readonly maxLength: number | undefined;
  /** Maximum concurrent sequences; undefined lets the backend choose. */
  readonly maxBatchSize: number | undefined;
  /** `auto`, `cpu`, `gpu`, `gpu:all`, or `gpu:0,1`: as `--devices`. */
  readonly devices: string;
  /** Let a prompt reuse what is cached of an earlier one with the same beginning. */
  readonly enablePrefixCaching: boolean;
  /** Maximum cached encoded images; 0 disables the cache. */
  readonly maxVisionCacheEntries: number;
  readonly mmprojEncoding: MmprojEncoding;
  /**
   * Tokens of an image at least and at most, where the model's image processor has a choice; undefined leaves it to the
   * processor and, up to what there is memory for, to requests.
   */
  readonly imageMinTokens: number | undefined;
  readonly imageMaxTokens: number | undefined;
  /** Maximum prompt tokens per step; undefined lets the backend choose. */
  readonly maxBatchInputTokens: number | undefined;
  /** A Jinja chat template in place of the model's own; undefined takes that. */
  readonly chatTemplate: string | undefined;
  /** Fraction of the device's memory that may be used, above 0 to 1. */
  readonly deviceMemoryUtilization: number;
  readonly kvCacheFormat: KvCacheFormat;
  /** `auto`: where the device has it, but for a KV cache of `f32`, which it would round. */
  readonly flashAttention: FlashAttention;
  /** Map the weights into memory. */
  readonly mmap: boolean;
  /** Lock the weights in memory. */
  readonly mlock: boolean;
  /** Compute embeddings, too. A model that was trained for nothing else does that anyway. */
  readonly embeddings: boolean;
  /** How the vectors of an input's tokens become one; undefined takes the model's own way, or the last token. */
  readonly pooling: EmbeddingPooling | undefined;
  /** CPU threads for generation; undefined lets the backend choose. */
  readonly threads: number | undefined;
  /** CPU threads for prompts and images; undefined lets the backend choose. */
  readonly threadsBatch: number | undefined;
  /** Servers that compute in the backend's place, by their URLs, and a file that lists more of them. */
  readonly upstreams: readonly string[];
  readonly upstreamsFile: string | undefined;
  /** For the upstreams that the file gives no key. */
  readonly upstreamApiKey: string | undefined;
  readonly upstreamPolicy: UpstreamPolicy;
  /** Longest silence of an upstream in an answer. */
  readonly upstreamTimeoutS: number;
  /** How often each upstream is asked whether it is well. */
  readonly upstreamHealthIntervalS: number;
  /** Larger images are made smaller before they are sent; undefined sends them as they are. */
  readonly upstreamMaxImagePixels: number | undefined;
  /** Send upstreams the URLs of images, for them to fetch. */
  readonly mediaPassthrough: boolean;
}

/** How an upstream is chosen for a request. */
export const upstreamPolicies = ['affinity', 'least-in-flight', 'two-choices', 'round-robin'] as const;

export type UpstreamPolicy = (typeof upstreamPolicies)[number];

/** Types of a KV cache, by ggml's names. */
export const kvCacheFormats = ['f16', 'bf16', 'f32', 'q8_0', 'q5_1', 'q5_0', 'q4_1', 'q4_0', 'iq4_nl'] as const;

export type KvCacheFormat = (typeof kvCacheFormats)[number];

export const flashAttentionModes = ['auto', 'on', 'off'] as const;

export type FlashAttention = (typeof flashAttentionModes)[number];

/**
 * Arithmetic of a vision encoder on a CPU: the fastest that loses no precision (`auto`), in the types of its weights
 * (`original`), or in float32 (`f32`).
 */
export const mmprojEncodings = ['auto', 'original', 'f32'] as const;

export type MmprojEncoding = (typeof mmprojEncodings)[number];

/** The mean of all, the first or the last. */
export const embeddingPoolings = ['mean', 'cls', 'last'] as const;

export type EmbeddingPooling = (typeof embeddingPoolings)[number];

export type LogLevel = 'debug' | 'info' | 'warning' | 'error';

export interface LoadOptions {
  /** `fraction` from 0 to 1; `stage` names what is loading (`model`, `projector`, `warm-up`). */
  readonly onProgress: (stage: string, fraction: number) => void;
  readonly log: (level: LogLevel, message: string) => void;
  readonly signal: AbortSignal;
  /** Where a backend may keep what takes it long to find out; it need not exist, and may be emptied at any time. */
  readonly cacheFolder?: string | undefined;
}

/** Types that weights can be quantized to, by llama.cpp's names, the most precise first. */
export const quantizedTypes = ['q8_0', 'q6_k', 'q5_k_m', 'q4_k_m', 'q4_0'] as const;

export type QuantizedType = (typeof quantizedTypes)[number];

export interface QuantizeRequest {
  /** Absolute path of a text model's GGUF of f32, f16 or bf16 weights. */
  readonly sourcePath: string;
  /** Absolute path of the file to write. After an error or an abort, what is there is not a model. */
  readonly destinationPath: string;
  readonly type: QuantizedType;
  readonly onProgress: (bytesWritten: number) => void;
  readonly signal: AbortSignal;
}

export interface Quantizer {
  /** Changes whenever the same input would give different bytes. */
  readonly version: string;
  /** Writes a model with quantized weights. Throws `disk_full`, `quantization_failed`; after an abort, its reason. */
  quantize(request: QuantizeRequest): Promise<void>;
}

/** The llama.cpp source of the release whose GGUF files a backend reads. */
export interface ConverterSource {
  /** `v0.5.0` */
  readonly release: string;
  /** A git bundle whose HEAD is the release's commit. */
  readonly bundlePath: string;
}

/** Memory that a model would be loaded into. */
export interface DeviceMemory {
  /** Human-readable name of the device (`cpu`, `cuda: NVIDIA H100`, …). */
  readonly device: string;
  readonly freeBytes: number;
}

/** What loading a model takes, and what there is for it, on the device that has the less to spare. */
export interface LoadMemory {
  readonly neededBytes: number;
  readonly freeBytes: number;
}

/** An engine that can serve a model. A third-party backend is a module whose default export is one of these. */
export interface Backend {
  readonly name: string;
  /** The version of this specification that it was written for. Another one is refused. */
  readonly specificationVersion: typeof specificationVersion;
  /** Set by a backend that reads no model: none has to be named, and `modelPath` is empty if none is. */
  readonly needsNoModel?: true;
  /** Set by a backend whose model is on other machines: `--model` is the name that they know it by, and no file. */
  readonly servesElsewhere?: true;
  /** Installs or builds what the backend needs on this machine, if it is missing; called before `check`. */
  prepare?(options: Pick<LoadOptions, 'log' | 'signal'>): Promise<void>;
  /** Throws if the backend cannot run on this machine; called before anything is downloaded or converted for it. */
  check?(): Promise<void>;
  /** Loads a model. Throws `model_load_failed`, `out_of_memory`, `device_unavailable`; after an abort, its reason. */
  load(files: ModelFiles, settings: LoadSettings, options: LoadOptions): Promise<LoadedModel>;
  /** Quantizes weights, if the backend can. */
  readonly quantizer?: Quantizer;
  /** Source of llama.cpp's converter, for `--converter llama.cpp`. */
  readonly converterSource?: ConverterSource;
  /** Memory of the devices that `--devices` names, if the backend knows it. Throws `device_unavailable`. */
  deviceMemory?(devices: string, options: Pick<LoadOptions, 'log' | 'signal' | 'cacheFolder'>): Promise<DeviceMemory>;
  /**
   * Estimates whether there is memory for another model; absent where the backend cannot tell. `beside`: what it has loaded
   * so far, of which mapped weights may look like free memory. Throws as `load` does.
   */
  loadMemory?(
    files: ModelFiles,
    settings: LoadSettings,
    options: Pick<LoadOptions, 'log' | 'signal'> & { readonly beside: readonly ModelFiles[] },
  ): Promise<LoadMemory>;
}
