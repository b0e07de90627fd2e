import type { ModelDescription } from './model-description.ts';
import type { Outtype } from './outtype.ts';

export interface ConversionProgress {
  /** Name of the file being written. */
  readonly file: string;
  readonly bytesWritten: number;
  readonly bytesTotal: number;
  /** Undefined during the conversion; then the type the file is quantized to. */
  readonly quantizedTo?: string;
}

export interface Conversion {
  readonly sourceDir: string;
  /** An existing folder. */
  readonly destinationDir: string;
  readonly outtype: Outtype;
  readonly mmprojOuttype: Outtype;
  /** Replaces the folder's name in the model's metadata. */
  readonly modelName: string | undefined;
  readonly onProgress: (progress: ConversionProgress) => void;
  /** Receives warnings about parts that convert but will not work. */
  readonly onWarning: (message: string) => void;
  readonly signal: AbortSignal;
}

/** Absolute paths of what a conversion wrote. */
export interface ConversionFiles {
  readonly modelPath: string;
  /** Undefined for a model without vision. */
  readonly mmprojPath: string | undefined;
}

/** A PEFT adapter to convert. */
export interface AdapterConversion {
  /** The checkpoint of the base model. */
  readonly baseDir: string;
  readonly adapterDir: string;
  /** The GGUF file to write, which must not exist. */
  readonly path: string;
  readonly signal: AbortSignal;
}

/** What every converter does: it turns a checkpoint folder into GGUF files in another folder. */
export interface Converter {
  /** Changes whenever the same checkpoint would give other files. */
  readonly converterVersion: string;
  /** Throws `architecture_unsupported` for the config.json of a model that cannot be converted. */
  checkConfig(config: Readonly<Record<string, unknown>>): Promise<{ readonly hasVision: boolean }>;
  /** The files of a checkpoint that a conversion reads, relative to its folder. */
  checkpointFiles(sourceDir: string): Promise<string[]>;
  describeCheckpoint(sourceDir: string, signal: AbortSignal): Promise<ModelDescription>;
  /** Throws `gguf_invalid`. */
  describeGguf(modelPath: string, mmprojPath: string | undefined): Promise<ModelDescription>;
  /** Names of weights no quantizer can take, with their files; `inHalves` if they become f16 first. Reads all weights. */
  findNonFinite(sourceDir: string, inHalves: boolean, signal: AbortSignal): Promise<readonly string[]>;
  convertCheckpoint(conversion: Conversion): Promise<ConversionFiles>;
  /**
   * A folder within a checkpoint's: an adapter in there is merged into the weights. Undefined for a converter that does not
   * do that.
   */
  readonly mergedAdapterFolder?: string;
  /** Converts an adapter by itself, if it can. */
  convertAdapter?(conversion: AdapterConversion): Promise<void>;
}
