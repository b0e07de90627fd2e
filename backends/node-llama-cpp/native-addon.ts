/** The boundary to C++, typed: what `native/src/bindings.cpp` exports. */
import type { FlashAttention, LoadSettings, QuantizedType, ToolCall } from '../../src/backend/index.ts';
import type { ImagePlacement } from './image-placement.ts';

export interface NativeMessage {
  readonly role: string;
  /** Text, or the index of an image; -1 where the part is text. */
  readonly parts: readonly { readonly text: string; readonly image: number }[];
  readonly name: string | undefined;
  readonly reasoning: string | undefined;
  readonly toolCalls: readonly ToolCall[];
  readonly toolCallId: string | undefined;
}

export interface NativeConversation {
  readonly messages: readonly NativeMessage[];
  /** JSON text of an object: the chat template's variables. */
  readonly variables: string;
  readonly addGenerationPrompt: boolean;
  readonly continueFinalMessage: boolean;
}

/** A run of a rendered conversation: text of one origin, or an image. */
export interface RenderedRun {
  readonly text: string;
  /** It came with the request; the template wrote everything else. */
  readonly fromUser: boolean;
  /** Index of the image, which has no text; -1 for text. */
  readonly image: number;
}

export interface NativeImage {
  readonly rgb: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly id: string;
}

export interface NativeGenerationSettings {
  readonly temperature: number;
  readonly topP: number;
  readonly topK: number;
  readonly minP: number;
  readonly frequencyPenalty: number;
  readonly presencePenalty: number;
  readonly repetitionPenalty: number;
  /** An unsigned 32-bit number; undefined draws one. */
  readonly seed: number | undefined;
  /** -1: to the end of the context. */
  readonly maxTokens: number;
  readonly ignoreEos: boolean;
  readonly skipSpecialTokens: boolean;
  readonly stop: readonly string[];
  readonly cacheSalt: string;
  /** How many of the first token's logits the finish event is to name, greatest first. */
  readonly reportedLogits: number;
}

export interface TokenLogit {
  readonly token: number;
  readonly logit: number;
}

export type NativeEvent =
  | { readonly kind: 'delta'; readonly id: number; readonly text: string; readonly completionTokens: number }
  | {
      readonly kind: 'finish';
      readonly id: number;
      /** What was held back until now. */
      readonly text: string;
      readonly reason: 'stop' | 'length';
      readonly promptTokens: number;
      readonly cachedTokens: number;
      readonly completionTokens: number;
      readonly queueMs: number;
      readonly prefillMs: number;
      readonly decodeMs: number;
      readonly firstLogits: readonly TokenLogit[];
    }
  | {
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
  /** Undefined: llama.cpp's own. */
  readonly imagePlacement: ImagePlacement | undefined;
  /** KV cells, shared by all sequences. */
  readonly contextCells: number;
  /** Tokens that one sequence may hold. */
  readonly maxLength: number;
  readonly maxSequences: number;
  /** Most tokens of one step. */
  readonly batchTokens: number;
  /** For generating, and for prompts and images. */
  readonly threads: number;
  readonly threadsBatch: number;
  /** That this process may use. */
  readonly cpus: number;
  readonly useGpu: boolean;
  /** Of the context. */
  readonly flashAttention: FlashAttention;
  readonly encoderFlashAttention: FlashAttention;
  /** Of KV cells that are kept outside of the context: of finished sequences, and of models that forget. */
  readonly kvCopyBytes: number;
  /** Limit of the cached images beside their number: the bytes of their embeddings. */
  readonly cachedImageBytes: number;
}

/** A picture, or a tile of one, as the encoder gets it: rows of normalized R G B. */
export interface EncoderInput {
  readonly width: number;
  readonly height: number;
  readonly pixels: Float32Array;
}

/** A run of a prompt: the tokens of text, or how many tokens an image takes. */
export type PromptRun = Int32Array | number;

/** Errors that it rejects with carry a `code` of the project's table. */
export interface NativeEngine {
  /** Resolves with the name of the vision encoder's own kernels; empty where it uses ggml's. */
  load(): Promise<string>;
  /** Builds the prompt and queues the request; resolves with the prompt's tokens. */
  submit(
    id: number,
    conversation: NativeConversation,
    images: readonly NativeImage[],
    settings: NativeGenerationSettings,
  ): Promise<number>;
  /** What `submit` would make of a conversation. */
  inspectPrompt(conversation: NativeConversation, images: readonly NativeImage[]): Promise<readonly PromptRun[]>;
  /** What the encoder gets of images; nothing where llama.cpp prepares them. */
  inspectImages(images: readonly NativeImage[]): Promise<readonly EncoderInput[]>;
  /** Cancels a request, whatever its state, and drops it. Unknown ids are ignored. */
  forget(id: number): void;
  resetPrefixCache(): void;
  /** Leaves so many of `cpus` to other work of the process, from the next step on. */
  leaveCpus(count: number): void;
  /** `threads`: those that computed the last batch. */
  stats(): { readonly running: number; readonly queued: number; readonly threads: number };
  /** Once no `submit` is pending. Running requests end with `model_closed` first. */
  close(): Promise<void>;
}

export interface NativeAddon {
  /** The version of node-llama-cpp that it was compiled for: their objects share one memory layout. */
  readonly nodeLlamaCppVersion: string;
  /** Has a model's weights laid out as they are in its file: of node-llama-cpp's `AddonModel`, before it loads. */
  keepWeightsAsInFile(model: object): void;
  /** Cannot be stopped, and an assertion of llama.cpp ends the process: see `quantize.ts`. */
  quantize(sourcePath: string, destinationPath: string, type: QuantizedType, threads: number): Promise<void>;
  /**
   * Renders a conversation with a Jinja chat template. `specialTokens` are template variables, named as in transformers
   * (`bos_token`). Throws `model_load_failed`, `chat_template_failed`, `invalid_request`.
   */
  renderTemplate(
    source: string,
    specialTokens: Readonly<Record<string, string>>,
    imagePlacement: ImagePlacement | undefined,
    conversation: NativeConversation,
    imageCount: number,
  ): readonly RenderedRun[];
  readonly NativeEngine: new (
    /** node-llama-cpp's own `AddonModel`. */
    model: object,
    options: NativeEngineOptions,
    onEvents: (events: readonly NativeEvent[]) => void,
    onProjectorProgress: (fraction: number) => void,
  ) => NativeEngine;
}
