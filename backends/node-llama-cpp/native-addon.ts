/** Types of the native addon: what `native/src/bindings` exports. */
import type { QuantizedType } from '../../src/backend/index.ts';
import type { GpuDevice } from './device-budget.ts';
import type { ImagePlacement } from './image-placement.ts';
import type { ReadAnswer, RenderedRun } from './native-addon/answer.ts';
import type { NativeEmbedder } from './native-addon/embedder.ts';
import type { NativeEngine } from './native-addon/engine.ts';
import type { NativeEvent } from './native-addon/events.ts';
import type { NativeEmbedderOptions, NativeEngineOptions } from './native-addon/options.ts';
import type { NativeConversation } from './native-addon/prompt.ts';
import type { NativeThreadGovernor } from './native-addon/thread-governor.ts';

export type * from './native-addon/answer.ts';
export type * from './native-addon/embedder.ts';
export type * from './native-addon/engine.ts';
export type * from './native-addon/events.ts';
export type * from './native-addon/generation-settings.ts';
export type * from './native-addon/options.ts';
export type * from './native-addon/prompt.ts';
export type * from './native-addon/thread-governor.ts';

/** A chat template of `loadTemplate`, which only the addon can read. */
export interface NativeTemplate {
  readonly opaque: unique symbol;
}

/** `tokens`: those behind the text. */
export type OnPiece = (request: number, answer: number, text: string, tokens: number, isThought: boolean) => void;

export interface NativeAddon {
  /** The GPUs that a model's layers may go to, in llama.cpp's order, and their memory now. */
  gpuDevices(): readonly GpuDevice[];
  /** The part of a model's layers that goes to each GPU. Takes node-llama-cpp's `AddonModel`, before it loads. */
  splitLayers(model: object, shares: readonly number[]): void;
  /** How many layers of a loaded model each GPU has, the output layer counted as one. Takes the `AddonModel`. */
  layersOfGpus(model: object): readonly number[];
  /** The version of node-llama-cpp it was compiled for: the two share memory layouts. */
  readonly nodeLlamaCppVersion: string;
  /** Keeps the memory layout of weights as in the file. Takes node-llama-cpp's `AddonModel`, before it loads. */
  keepWeightsAsInFile(model: object): void;
  /** If a mapped file is truncated and the process ends by SIGBUS, writes a line to stderr that names the file. */
  explainBusErrors(paths: readonly string[]): void;
  /** Gives the system what malloc keeps of freed memory. Some milliseconds, on a thread of libuv's. */
  returnFreeMemory(): Promise<void>;
  /** Cannot be interrupted, and a failed assertion of llama.cpp ends the process: see `quantize.ts`. */
  quantize(sourcePath: string, destinationPath: string, type: QuantizedType, threads: number): Promise<void>;
  /**
   * Loads a Jinja chat template. `specialTokens` are template variables, named as in transformers (`bos_token`). Throws
   * `model_load_failed`.
   */
  loadTemplate(
    source: string,
    specialTokens: Readonly<Record<string, string>>,
    imagePlacement: ImagePlacement | undefined,
  ): NativeTemplate;
  /**
   * Of each text, whether the grammar of a schema and rules, or of GBNF, matches all of it: for tests. Throws
   * `invalid_request`.
   */
  matchGrammar(schema: string, gbnf: string, texts: readonly string[]): readonly boolean[];
  /** Renders a conversation. Throws `chat_template_failed`, `invalid_request`. */
  renderTemplate(
    template: NativeTemplate,
    conversation: NativeConversation,
    imageCount: number,
  ): readonly RenderedRun[];
  /** Reads the answer to a conversation. `isCut`: the model had not ended it. Throws as `renderTemplate`. */
  readAnswer(
    template: NativeTemplate,
    conversation: NativeConversation,
    imageCount: number,
    pieces: readonly string[],
    isCut: boolean,
  ): ReadAnswer;
  readonly NativeEngine: new (
    /** node-llama-cpp's own `AddonModel`. */
    model: object,
    options: NativeEngineOptions,
    onEvents: (events: readonly NativeEvent[]) => void,
    onProjectorProgress: (fraction: number) => void,
    /** Takes, in place of `onEvents`, the pieces of text and thoughts without reports, which are nearly all events. */
    onPiece?: OnPiece,
  ) => NativeEngine;
  readonly NativeEmbedder: new (
    /** node-llama-cpp's own `AddonModel`. */
    model: object,
    options: NativeEmbedderOptions,
    /** A loaded engine of the same model, whose vision encoder and cache it shares; it loads none itself then. */
    engine?: NativeEngine,
  ) => NativeEmbedder;
  readonly NativeThreadGovernor: new (
    most: number,
    firstRetryMs: number,
    lastRetryMs: number,
    leastFreeShare: number,
  ) => NativeThreadGovernor;
}
