/** Types of the native addon: what `native/src/bindings` exports. */
import type {
  Embedding,
  EmbeddingPooling,
  FlashAttention,
  GenerateRequest,
  LoadSettings,
  ModelWork,
  QuantizedType,
  SamplingSettings,
  ToolCall,
} from '../../src/backend/index.ts';
import type { GpuDevice } from './device-budget.ts';
import type { ProcessorChanges } from './image-budget/processor-changes.ts';
import type { ImagePlacement } from './image-placement.ts';
import type { QuotedValue } from './schema/leaf-rules.ts';
import type { ArgumentText } from './schema/tagged-arguments.ts';

export interface NativeMessage {
  readonly role: string;
  /** Text, or the index of an image; -1 where the part is text. */
  /** `isMark`: a text that the model's processor writes, whose control tokens are some. */
  readonly parts: readonly { readonly text: string; readonly image: number; readonly isMark?: boolean }[];
  readonly name: string | undefined;
  readonly reasoning: string | undefined;
  readonly toolCalls: readonly ToolCall[];
  readonly toolCallId: string | undefined;
}

export interface NativeTool {
  readonly name: string;
  /** Empty without one. */
  readonly description: string;
  /** JSON text of a schema; empty without one. */
  readonly parameters: string;
  /** The same as `compileGrammar` takes it, for the grammar of the arguments; empty where nothing may be called. */
  readonly schema: string;
  readonly rules: string;
  /** Of those that may not be any text, where arguments are no JSON. */
  readonly argumentTexts: readonly ArgumentText[];
  /** Of the constants in `schema` that stand for rules, where strings have a quote of their own. */
  readonly quotedValues: readonly QuotedValue[];
}

export interface NativeConversation {
  readonly messages: readonly NativeMessage[];
  /** JSON text of an object: the chat template's variables. */
  readonly variables: string;
  readonly addGenerationPrompt: boolean;
  readonly continueFinalMessage: boolean;
  /** Undefined: an answer without calls, whose thoughts are a part of the text. */
  readonly asked?: NativeChatSettings;
}

/** A piece of a prompt that no template writes: text, tokens, or an image. */
export interface NativePromptPiece {
  /** Empty where it is something else. */
  readonly text: string;
  /** Likewise. The model has them. */
  readonly tokens: Int32Array;
  /** Index of the image; -1 where it is something else. */
  readonly image: number;
}

/** What a prompt is made of. */
export type NativePrompt = NativeConversation | { readonly prompt: readonly NativePromptPiece[] };

/** Tools, and what becomes of thoughts. */
export interface NativeChatSettings {
  readonly tools: readonly NativeTool[];
  readonly toolChoice: 'auto' | 'none' | 'required';
  /** The function that has to be called; empty for any. */
  readonly onlyTool: string;
  readonly parallelCalls: boolean | undefined;
  /** Tell thoughts from the text. */
  readonly reasoningApart: boolean;
  /** -1: no limit. */
  readonly maxReasoningTokens: number;
  readonly reasoningEndMessage: string;
}

/** A piece of an answer: of its text, of its thoughts, or of a tool call's arguments. */
export interface AnswerPiece {
  readonly kind: 'text' | 'thought' | 'call';
  readonly text: string;
  /** Index of the call. */
  readonly call: number;
  /** What a call begins with; empty in its further pieces. */
  readonly callId: string;
  readonly callName: string;
}

/** How an answer is read, and what was read in one. */
export interface ReadAnswer {
  /** What the prompt has of the answer's turn. */
  readonly opening: string;
  readonly isThinking: boolean;
  /** GBNF of the calls; empty where nothing is ruled out. */
  readonly grammar: string;
  /** It holds from a trigger on. */
  readonly grammarWaits: boolean;
  readonly triggerWords: readonly string[];
  readonly triggerPatterns: readonly string[];
  /** For each piece of the answer, and for its end. Empty where the answer is nothing but text. */
  readonly read: readonly (readonly AnswerPiece[])[];
}

/** A run of a rendered conversation: text of one origin, or an image. */
export interface RenderedRun {
  readonly text: string;
  /** True if it came with the request, false if the template wrote it. */
  readonly fromUser: boolean;
  /** Index of the image, which has no text; -1 for text. */
  readonly image: number;
}

export interface NativeImage {
  readonly rgb: Uint8Array;
  readonly width: number;
  readonly height: number;
  /** Of the image as it is prepared. */
  readonly id: string;
  /** Undefined: it is prepared as all are. */
  readonly settings?: ProcessorChanges | undefined;
  /** What `encodedImage` gave for the id: `rgb` may be empty then. */
  readonly encoded?: object | undefined;
  /** One after the other in `rgb`, and seen as one; undefined is 1. */
  readonly frames?: number | undefined;
  /** Positions behind the first image of the video that it goes on with; undefined: it begins one, or is none of a video. */
  readonly videoPosition?: number | undefined;
}

/** Tokens that an answer goes on with, in place of those that would be drawn, once it has `after` tokens. */
export interface ForcedRun {
  readonly after: number;
  readonly tokens: Int32Array;
}

/**
 * `seed` is an unsigned 32-bit number here, of the first answer, and one more of each further; undefined draws one for each.
 * Other integers are signed 32-bit numbers.
 */
export type NativeGenerationSettings = SamplingSettings &
  Pick<
    GenerateRequest,
    | 'choices'
    | 'minTokens'
    | 'stop'
    | 'stopTokens'
    | 'includeStop'
    | 'ignoreEos'
    | 'skipSpecialTokens'
    | 'repetitionStop'
    | 'reportProgress'
    | 'cacheSalt'
  > & {
    /** Of each answer. -1: to the end of the context. */
    readonly maxTokens: number;
    /** Of `loadAdapter`; 0 for none. */
    readonly adapter: number;
    /** Nested groups, outermost first; empty if not known. */
    readonly client: readonly string[];
    /** A handle of `compileGrammar`, of this request alone, that the answer is held to; undefined for any text. */
    readonly grammar: object | undefined;
    /** What the prompt has of the answer: the grammar holds of both together where it can begin so. */
    readonly begunText: string;
    /** Report on each token, and on this many of the likeliest. */
    readonly logProbs: number | undefined;
    /** Likewise on each text token of the prompt. */
    readonly promptLogProbs: number | undefined;
    /** For tests, in order. */
    readonly forcedRuns: readonly ForcedRun[];
  };

/** A token, with its logit before penalties and the like. */
export interface TokenLogit {
  readonly token: number;
  readonly logit: number;
  /** As a string of characters below 256. */
  readonly bytes: string;
}

/** A token that was chosen, and the likeliest in its place, the likeliest first. */
export interface TokenReport extends TokenLogit {
  /** A token's logit less this is the logarithm of its probability. */
  readonly logSum: number;
  readonly likeliest: readonly TokenLogit[];
}

/** A text token of a prompt. */
export interface PromptReport {
  readonly token: number;
  /** As a string of characters below 256. */
  readonly bytes: string;
  /** Absent for the first one, and for one behind an image. */
  readonly report?: TokenReport;
}

/** What became of an image of a prompt. */
export interface NativeImageReport {
  /** Size that the encoder saw all of it in; 0 where llama.cpp prepares images in its own way. */
  readonly width: number;
  readonly height: number;
  /** 0 for an image that is not cut. */
  readonly tiles: number;
  readonly tokens: number;
  /** Its embeddings were cached. */
  readonly wasEncoded: boolean;
  /** Its KV cells were cached. */
  readonly wasComputed: boolean;
  readonly encodeMs: number;
}

export type NativeEvent =
  | {
      readonly kind: 'progress';
      readonly id: number;
      readonly promptTokens: number;
      readonly cachedTokens: number;
      readonly doneTokens: number;
      readonly ms: number;
    }
  | {
      readonly kind: 'prefilled';
      readonly id: number;
      readonly cachedTokens: number;
      readonly queueMs: number;
      readonly prefillMs: number;
      readonly encodeMs: number;
      /** Of the prompt's images, in order; absent without any. */
      readonly images?: readonly NativeImageReport[];
      /** Where asked for. */
      readonly promptReports?: readonly PromptReport[];
    }
  | {
      /** Of the answer's text, or of its thoughts. */
      readonly kind: 'delta' | 'thought';
      /** Of the request. */
      readonly id: number;
      /** Of the answer. */
      readonly index: number;
      readonly text: string;
      readonly completionTokens: number;
      /** On the tokens that begin in the text so far, each once; absent for none. */
      readonly reports?: readonly TokenReport[];
    }
  | {
      readonly kind: 'call';
      readonly id: number;
      readonly index: number;
      /** Index of the call. */
      readonly call: number;
      /** What a call begins with; empty in its further deltas. */
      readonly callId: string;
      readonly callName: string;
      /** The next piece of its arguments. */
      readonly text: string;
      readonly completionTokens: number;
      readonly reports?: readonly TokenReport[];
    }
  | {
      readonly kind: 'finish';
      readonly id: number;
      readonly index: number;
      /** Text held back until now. */
      readonly text: string;
      readonly reason: 'stop' | 'tool_calls' | 'length' | 'repetition';
      /** The stop string or token of the request that ended the answer. */
      readonly stoppedBy?: string | number;
      readonly promptTokens: number;
      readonly cachedTokens: number;
      readonly completionTokens: number;
      /** Those of them that are thoughts, their tags included. */
      readonly thoughtTokens: number;
      /** Steps of the engine from admission to the first token. */
      readonly prefillSteps: number;
      /** From the first token to the last. */
      readonly decodeSteps: number;
      readonly queueMs: number;
      readonly prefillMs: number;
      readonly encodeMs: number;
      readonly decodeMs: number;
      readonly reports: readonly TokenReport[];
      /** On the tokens that ended the answer and are no part of its text. */
      readonly unshownReports: readonly TokenReport[];
    }
  | {
      /** Ends all answers. */
      readonly kind: 'failure';
      readonly id: number;
      /** The message. */
      readonly text: string;
      readonly code: string;
    };

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

/** An image, or a tile of one, as the encoder gets it: rows of normalized R G B. */
export interface EncoderInput {
  readonly width: number;
  readonly height: number;
  readonly pixels: Float32Array;
}

/** A run of a prompt: the tokens of text, or the number of tokens that an image takes. */
export type PromptRun = Int32Array | number;

/** What is known of a model once it is loaded. */
export interface LoadedTraits {
  /** The name of our kernels for the vision encoder; empty if it uses ggml's. */
  readonly visionKernel: string;
  /** It has thoughts, which can be told from its answers. */
  readonly thinks: boolean;
  /** The quote of the strings in its calls; empty where those are JSON, or text between tags. */
  readonly stringQuote: string;
  /** How many tokens it has. */
  readonly vocabularySize: number;
  /** The most that one input of the vision encoder becomes; 0 without one. */
  readonly mostImageTokens: number;
}

/** Rejects with errors whose `code` is one of the project's table. */
export interface NativeEngine {
  load(): Promise<LoadedTraits>;
  /** Builds the prompt and queues the request; resolves with the number of prompt tokens. */
  submit(
    id: number,
    prompt: NativePrompt,
    images: readonly NativeImage[],
    settings: NativeGenerationSettings,
  ): Promise<number>;
  /** The prompt that `submit` would build. */
  inspectPrompt(prompt: NativePrompt, images: readonly NativeImage[]): Promise<readonly PromptRun[]>;
  /** The tokens of that prompt, however long it is. The images need no pixels. `forget` cancels it. */
  countPrompt(id: number, prompt: NativePrompt, images: readonly NativeImage[]): Promise<number>;
  /** The text of that prompt. */
  renderPrompt(prompt: NativePrompt, imageCount: number, marker: string): Promise<string>;
  /** The tokens of a text; control tokens in it stay text unless `parseSpecial`. */
  tokenize(text: string, parseSpecial: boolean, addSpecial: boolean): Promise<Int32Array>;
  /** The bytes of tokens that the model has, as strings of characters below 256. */
  pieces(tokens: Int32Array): Promise<readonly string[]>;
  /** The encoder's input for images; empty if llama.cpp prepares them. */
  inspectImages(images: readonly NativeImage[]): Promise<readonly EncoderInput[]>;
  /** A handle that holds the embeddings of an image, if it was encoded for a request of this salt and is cached. */
  encodedImage(imageId: string, cacheSalt: string): object | undefined;
  /**
   * A handle that holds a grammar, which may be shared: of a JSON Schema and rules for what stands in its constants, or, where
   * the schema is empty, of GBNF.
   */
  compileGrammar(schema: string, gbnf: string): Promise<object>;
  /** Loads a LoRA adapter between two steps; resolves with its id. */
  loadAdapter(path: string): Promise<number>;
  /** Frees one whose requests have ended. */
  unloadAdapter(id: number): Promise<void>;
  /** Cancels and drops a request in any state. Ignores unknown ids. */
  forget(id: number): void;
  resetPrefixCache(): void;
  /** Reserves `count` of the CPUs for other work of the process, from the next step on. */
  leaveCpus(count: number): void;
  /** `threads`: number of threads that computed the last batch. */
  stats(): {
    readonly running: number;
    readonly queued: number;
    readonly threads: number;
  };
  /** So far. */
  work(): ModelWork;
  /** Call it when no `submit` is pending. Running requests fail with `model_closed` first. */
  close(): Promise<void>;
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

/** What is known of an embedder once it is loaded. */
export interface EmbedderTraits {
  readonly dimensions: number;
  readonly vocabularySize: number;
  readonly seesImages: boolean;
}

type NativePieces = Extract<NativePrompt, { readonly prompt: unknown }>;

/** Rejects with errors whose `code` is one of the project's table. */
export interface NativeEmbedder {
  load(): Promise<EmbedderTraits>;
  /** `client`: as of a request. */
  embed(
    id: number,
    prompt: NativePieces,
    images: readonly NativeImage[],
    cacheSalt: string,
    client: readonly string[],
  ): Promise<Embedding>;
  /** The images need no pixels. */
  countPrompt(prompt: NativePieces, images: readonly NativeImage[]): Promise<number>;
  /** These three as a `NativeEngine`'s. */
  renderPrompt(prompt: NativePrompt, imageCount: number, marker: string): Promise<string>;
  tokenize(text: string, parseSpecial: boolean, addSpecial: boolean): Promise<Int32Array>;
  pieces(tokens: Int32Array): Promise<readonly string[]>;
  /** Cancels and drops an input in any state. Ignores unknown ids. */
  forget(id: number): void;
  /** Inputs fail with `model_closed` first. */
  close(): Promise<void>;
}

/** A chat template of `loadTemplate`, which only the addon can read. */
export interface NativeTemplate {
  readonly opaque: unique symbol;
}

/** A step that was computed by `threads()` threads. */
export interface ComputedStep {
  readonly tokens: number;
  readonly wallMs: number;
  /** Of a monotonic clock. */
  readonly endedAtMs: number;
  /** Threads that often stood in a CPU's queue. */
  readonly waitingThreads: number;
  /** CPUs that other programs leave to this process; -1 where that is unknown. */
  readonly freeCpus: number;
}

/** Chooses the number of threads; inside the engine, but for tests. */
export interface NativeThreadGovernor {
  /** For the next step. */
  threads(): number;
  /** Before the first step after a pause. */
  resume(): void;
  observe(step: ComputedStep): void;
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
