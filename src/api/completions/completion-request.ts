import type { StreamUsage } from '../answer/stream-usage.ts';
import type { WireRequest } from '../wire-format.ts';
import type { ParsedPrompt } from './prompts.ts';

/** The text of a prompt, or that of its tokens, which the backend tells. */
export type Echo = { readonly text: string } | 'tokens';

/** How a completion is answered. */
export interface AnswerSettings {
  /** Answers to each prompt. */
  readonly choices: number;
  /** What stands before the answers to each prompt. */
  readonly echoes: readonly (Echo | undefined)[];
  readonly hasLogProbs: boolean;
  /** What is generated is not asked for. */
  readonly dropsAnswer: boolean;
  readonly streamUsage: StreamUsage;
  /** Tell llama-server's timings so far in every chunk. */
  readonly timingsPerToken: boolean;
}

/** A completion request. Each of its prompts is continued by itself. */
export interface CompletionRequest extends WireRequest {
  readonly prompts: readonly ParsedPrompt[];
  readonly answer: AnswerSettings;
}
