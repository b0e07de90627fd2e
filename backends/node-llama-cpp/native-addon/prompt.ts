import type { ToolCall } from '../../../src/backend/index.ts';
import type { ProcessorChanges } from '../image-budget/processor-changes.ts';
import type { QuotedValue } from '../schema/leaf-rules.ts';
import type { ArgumentText } from '../schema/tagged-arguments.ts';

export interface NativeMessage {
  readonly role: string;
  /**
   * Text, or the index of an image; -1 where the part is text. `isMark`: a text that the model's processor writes, whose
   * control tokens are some.
   */
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

/** An image, or a tile of one, as the encoder gets it: rows of normalized R G B. */
export interface EncoderInput {
  readonly width: number;
  readonly height: number;
  readonly pixels: Float32Array;
}

/** A run of a prompt: the tokens of text, or the number of tokens that an image takes. */
export type PromptRun = Int32Array | number;
