import type { StreamUsage } from '../answer/stream-usage.ts';
import type { WireRequest } from '../wire-format.ts';

/** How a chat completion is answered. */
export interface AnswerSettings {
  /** How many answers there are. */
  readonly choices: number;
  /** Show the reasoning. */
  readonly showsReasoning: boolean;
  readonly hasLogProbs: boolean;
  /** Calls as OpenAI's deprecated `function_call`. */
  readonly usesFunctionCall: boolean;
  /** The text that is continued, to stand before the answer's own. */
  readonly prefix: string;
  readonly streamUsage: StreamUsage;
  /** Timings in every chunk. */
  readonly timingsPerToken: boolean;
}

/** A chat completion request. */
export interface ChatRequest extends WireRequest {
  readonly answer: AnswerSettings;
}
