import type { GenerateRequest, SamplingSettings } from '../../../src/backend/index.ts';

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
