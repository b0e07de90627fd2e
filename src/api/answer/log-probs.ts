import { z } from 'zod';
import type { ChosenToken, TokenLogProb } from '../../backend/index.ts';

/** OpenAI's log probability of a token, with the token's id as llama-server has it. */
export interface LogProbJson {
  readonly id: number;
  readonly token: string;
  readonly bytes: readonly number[];
  readonly logprob: number;
}

export interface TokenLogProbJson extends LogProbJson {
  readonly top_logprobs: readonly LogProbJson[];
}

/** OpenAI's `logprobs` of a choice. */
export interface LogProbsJson {
  readonly content: readonly TokenLogProbJson[];
  readonly refusal: null;
}

/** OpenAI's value for a probability of 0. */
export const IMPOSSIBLE = -9999;

export function logProbsJson(tokens: readonly ChosenToken[]): LogProbsJson {
  return { content: tokens.map(tokenLogProbJson), refusal: null };
}

function tokenLogProbJson(token: ChosenToken): TokenLogProbJson {
  return { ...logProbJson(token), top_logprobs: token.likeliest.map(logProbJson) };
}

function logProbJson({ id, text, bytes, logProb }: TokenLogProb): LogProbJson {
  return { id, token: text, bytes, logprob: Math.max(logProb, IMPOSSIBLE) };
}

const logProb = z.object({ id: z.int(), token: z.string(), bytes: z.array(z.int()), logprob: z.number() });

/** Of `TokenLogProbJson`. */
export const tokenLogProbSchema = logProb.extend({ top_logprobs: z.array(logProb) });
