import type { WireRequest } from '../wire-format.ts';

/** How a message is answered. */
export interface MessageSettings {
  /** Otherwise the blocks of the reasoning are empty. */
  readonly showsThinking: boolean;
  /** The answer that is cut before this many tokens has filled the context. Undefined where nothing is generated. */
  readonly maxTokens: number | undefined;
}

/** A request of Anthropic's Messages API. */
export interface MessagesRequest extends WireRequest {
  readonly answer: MessageSettings;
}
