import type { Bitmap } from './bitmap.ts';

export type ContentPart =
  | { readonly type: 'text'; readonly text: string }
  | {
      readonly type: 'image';
      readonly image: Bitmap;
      /** Its path in the client's request (`messages[2].content[1]`): the `param` of an error about it. */
      readonly param?: string;
    };

/** A call that the model made in an earlier turn. */
export interface ToolCall {
  readonly id: string;
  readonly name: string;
  /** JSON text of an object, as the model wrote it. */
  readonly arguments: string;
}

/** One turn of a conversation. */
export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant' | 'tool';
  readonly content: readonly ContentPart[];
  /** Of the participant, or of the tool whose result this is. */
  readonly name?: string;
  /** What an assistant's turn thought before it answered. */
  readonly reasoning?: string;
  /** Of an assistant's turn. */
  readonly toolCalls?: readonly ToolCall[];
  /** Of a tool's result: the call that it answers. */
  readonly toolCallId?: string;
}
