import type { Bitmap } from './bitmap.ts';
import type { ImageBudget } from './image-budget.ts';

export interface TextPart {
  readonly type: 'text';
  readonly text: string;
  /** It did not come with the request: one of `ModelInfo.video.marks`, whose control tokens are some. */
  readonly isMark?: true;
}

export type ContentPart =
  | TextPart
  | {
      readonly type: 'image';
      readonly image: Bitmap;
      /** Path in the client's request (`messages[2].content[1]`): the `param` of errors about this image. */
      readonly param?: string;
      /** Only for a model whose `capabilities` have `imageBudgets`. */
      readonly budget?: ImageBudget;
      /**
       * Of an image that goes on with the video of the part before: its position in time behind the first, above that of the
       * part before. Only for a model whose `video.times` are `positions`.
       */
      readonly videoPosition?: number;
    };

/** A tool call that the model made in an earlier turn. */
export interface ToolCall {
  readonly id: string;
  readonly name: string;
  /** A JSON object as text, as the model wrote it. */
  readonly arguments: string;
}

/** One turn of a conversation. */
export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant' | 'tool';
  /** Empty where the request has none (null, or absent); an empty text is a part. */
  readonly content: readonly ContentPart[];
  /** The participant, or the tool whose result this is. */
  readonly name?: string;
  /** The reasoning of an assistant's turn, before its answer. */
  readonly reasoning?: string;
  /** Calls made in an assistant's turn. */
  readonly toolCalls?: readonly ToolCall[];
  /** The call that a tool's result answers. */
  readonly toolCallId?: string;
}
