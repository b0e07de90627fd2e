import type { ImageReceipt } from './image-receipt.ts';
import type { ChosenToken, PromptTokenLogProb } from './log-probs.ts';

export interface TokenUsage {
  readonly promptTokens: number;
  /** Those of `promptTokens` that came from the cache. */
  readonly cachedTokens: number;
  /** Those of `promptTokens` that stand for images; absent without images, or where the backend cannot tell. */
  readonly imageTokens?: number;
  readonly completionTokens: number;
  /** Those of `completionTokens` that are reasoning, its tags included; absent where the backend cannot tell. */
  readonly reasoningTokens?: number;
}

export interface GenerationTimings {
  /** From submission to admission. */
  readonly queueMs: number;
  /** From admission to the first token, including image encoding. */
  readonly prefillMs: number;
  /**
   * Of that, what images of the request spent in the vision encoder: 0 if their encoded forms were cached. Absent where the
   * backend cannot tell.
   */
  readonly encodeMs?: number;
  /** From the first token to the last. */
  readonly decodeMs: number;
}

/**
 * `stop`: the model ended its turn, or a stop string or token matched. `tool_calls`: it ended its turn with calls. `length`:
 * `maxTokens` or the context was exhausted. `repetition`: `repetitionStop` matched.
 */
export type FinishReason = 'stop' | 'tool_calls' | 'length' | 'repetition';

/** What a piece of an answer has in common, whatever it is a piece of. */
export interface AnswerDelta {
  /** Index of the answer where several were asked for; absent is 0. */
  readonly choice?: number;
  /** Tokens behind it, since the answer's last event. */
  readonly tokens: number;
  /** Of those tokens, where asked for. */
  readonly logProbs?: readonly ChosenToken[];
}

/**
 * The events of a generation, in order: `start` once the prompt is known; `progress` while it is computed, where asked for;
 * `prefilled` before the first token, from a backend that can tell; any number of deltas (whole UTF-8 characters, never part
 * of a stop string, unless it is to be included); one `finish` for each answer. Failures are thrown instead.
 */
export type GenerationEvent =
  | {
      readonly type: 'start';
      readonly promptTokens: number;
      /** Set by the server where a request has several prompts: the index of the first answer to this one. */
      readonly choice?: number;
    }
  | {
      readonly type: 'progress';
      /** Prompt tokens: all, those from the cache, and those that are done, which begin with the cached ones. */
      readonly promptTokens: number;
      readonly cachedTokens: number;
      readonly doneTokens: number;
      /** Since admission. */
      readonly ms: number;
    }
  | {
      readonly type: 'prefilled';
      /** As in `start`. */
      readonly choice?: number;
      readonly cachedTokens: number;
      readonly queueMs: number;
      readonly prefillMs: number;
      /** As in `GenerationTimings`. */
      readonly encodeMs?: number;
      /** Of the prompt's images, in order, from a backend that can tell. */
      readonly images?: readonly ImageReceipt[];
      /** Where asked for. */
      readonly promptLogProbs?: readonly PromptTokenLogProb[];
    }
  | ({ readonly type: 'text-delta'; readonly text: string } & AnswerDelta)
  | ({ readonly type: 'reasoning-delta'; readonly text: string } & AnswerDelta)
  | ({
      readonly type: 'tool-call-delta';
      /** Of the call in its answer: 0, 1, … One call ends before the next begins. */
      readonly index: number;
      /** What a call begins with; absent in its further deltas. */
      readonly call?: { readonly id: string; readonly name: string };
      /** The next piece of the arguments' JSON text. */
      readonly arguments: string;
    } & AnswerDelta)
  | {
      readonly type: 'finish';
      readonly choice?: number;
      readonly reason: FinishReason;
      /** The stop string or token that ended it, where one of the request's did. */
      readonly stoppedBy?: string | number;
      /** The prompt is counted in the usage of each answer. */
      readonly usage: TokenUsage;
      readonly timings: GenerationTimings;
    };
