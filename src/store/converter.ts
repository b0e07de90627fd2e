import { quantizedTypes } from '../backend/index.ts';
import type { QuantizedType } from '../backend/index.ts';

/** Type of the weights a conversion writes; `auto` keeps the checkpoint's own where GGUF has it. */
export type Outtype = 'auto' | 'f32' | 'f16' | 'bf16' | 'q8_0';

/** A precision that a model can be made with. Those that the converter does not write, a quantizer makes. */
export type Precision = Exclude<Outtype, 'auto'> | QuantizedType;

/** What a checkpoint is to be made into. */
export interface AskedPrecisions {
  /** `auto`: the best that fits the memory. */
  readonly precision: Precision | 'auto';
  /** `auto`: as the model, but half precision beside quantized weights: it is small, and sees for all of them. */
  readonly mmprojOuttype: Outtype;
}

/** Every precision, the best first. */
export const precisions: readonly Precision[] = ['f32', 'bf16', 'f16', ...quantizedTypes];

export interface ConversionProgress {
  /** Name of the file being written. */
  readonly file: string;
  readonly bytesWritten: number;
  readonly bytesTotal: number;
  /** Undefined while the file is converted; what it is quantized to after that. */
  readonly quantizedTo?: string;
}

/** What a model is, known from the headers of its files. */
export interface ModelDescription {
  /** The name in config.json, of a checkpoint; else llama.cpp's. */
  readonly architecture: string;
  /** llama.cpp's name of the text model's architecture. */
  readonly family: string;
  readonly name?: string | undefined;
  /** Of the text model. */
  readonly parameters: number;
  /** Of the vision encoder and its projector; undefined where there is none. */
  readonly visionParameters?: number | undefined;
  /** Tokens that it was trained for. */
  readonly contextLength?: number | undefined;
  /** Bytes that a token takes in the KV cache, at most. */
  readonly contextBytesPerToken: number;
  /** Its own. */
  readonly precision: string;
  readonly mmprojBytes: number;
  /** Bytes of the text model in each precision that it can have, the best first, its own included. */
  readonly sizes: readonly { readonly precision: string; readonly bytes: number }[];
}

export interface Conversion {
  readonly sourceDir: string;
  /** An existing folder. */
  readonly destinationDir: string;
  readonly outtype: Outtype;
  readonly mmprojOuttype: Outtype;
  /** Stands for the folder's name in the model's metadata. */
  readonly modelName: string | undefined;
  readonly onProgress: (progress: ConversionProgress) => void;
  /** Is told what is converted as it is, and will be of no use. */
  readonly onWarning: (message: string) => void;
  readonly signal: AbortSignal;
}

/** Absolute paths of what a conversion wrote. */
export interface ConversionFiles {
  readonly modelPath: string;
  readonly mmprojPath: string | undefined;
}

/** What the store needs from the converter: a checkpoint folder becomes GGUF files in another folder. */
export interface Converter {
  /** Changes whenever the same checkpoint would give other files. */
  readonly converterVersion: string;
  /** Throws `architecture_unsupported` where a config.json is of no model that can be converted. */
  checkConfig(config: Readonly<Record<string, unknown>>): Promise<{ readonly hasVision: boolean }>;
  /** The files of a checkpoint that a conversion reads, relative to its folder. */
  checkpointFiles(sourceDir: string): Promise<string[]>;
  describeCheckpoint(sourceDir: string, signal: AbortSignal): Promise<ModelDescription>;
  /** Throws `gguf_invalid`. */
  describeGguf(modelPath: string, mmprojPath: string | undefined): Promise<ModelDescription>;
  /** The weights, with their files, that no quantizer can take; `inHalves` where they become f16 first. It reads them all. */
  findNonFinite(sourceDir: string, inHalves: boolean, signal: AbortSignal): Promise<readonly string[]>;
  convertCheckpoint(conversion: Conversion): Promise<ConversionFiles>;
}
