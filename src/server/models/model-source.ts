import type { LoadedModel, LoadMemory, SamplingSettings } from '../../backend/index.ts';
import type { AdapterSettings, NamedAdapter } from '../adapters.ts';
import type { LoadingProgress } from '../server-state.ts';

/** A model in memory, and the hold on its files. */
export interface LoadedSource {
  readonly model: LoadedModel;
  /** How long the backend took; undefined where that is not known. */
  readonly loadMs?: number | undefined;
  /** Its LoRA adapters; absent where it takes none. */
  readonly adapters?: AdapterSettings | undefined;
  /** Gives up the files. Call it when the model is closed. */
  readonly release: () => Promise<void>;
}

/** A model that a server may load. */
export interface ModelSource {
  /** The name of the model in answers and lists. */
  readonly name: string;
  /** Other names that requests may use. */
  readonly aliases?: readonly string[];
  /** LoRA adapters that are loaded with it: requests that name one are for this model. */
  readonly adapters?: readonly NamedAdapter[];
  /** Of requests that set none, before the model's own. */
  readonly samplingDefaults?: Partial<SamplingSettings> | undefined;
  /** Load it when the server starts. */
  readonly preload?: boolean;
  /** Downloads, converts and loads it, as far as it has to be. After an abort, throws the signal's reason. */
  load(signal: AbortSignal, report: (progress: LoadingProgress) => void): Promise<LoadedSource>;
  /** Downloads and converts it, where it has to be. */
  prepare?(signal: AbortSignal, report: (progress: LoadingProgress) => void): Promise<void>;
  /**
   * What loading it takes, and what there is; undefined where the backend cannot tell. The files come first, if they have to be
   * downloaded or converted.
   */
  memory?(signal: AbortSignal, report: (progress: LoadingProgress) => void): Promise<LoadMemory | undefined>;
}
