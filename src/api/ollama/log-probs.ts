import type { ChosenToken, TokenLogProb } from '../../backend/index.ts';
import { IMPOSSIBLE } from '../answer/log-probs.ts';

interface LogProbJson {
  readonly token: string;
  readonly logprob: number;
  readonly bytes: readonly number[];
}

/** Ollama's log probability of a token, with the likeliest in its place where they were asked for. */
export interface TokenLogProbJson extends LogProbJson {
  readonly top_logprobs?: readonly LogProbJson[];
}

export function logProbsJson(tokens: readonly ChosenToken[]): TokenLogProbJson[] {
  return tokens.map(({ likeliest, ...token }) => ({
    ...logProbJson(token),
    ...(likeliest.length === 0 ? {} : { top_logprobs: likeliest.map(logProbJson) }),
  }));
}

function logProbJson({ text, bytes, logProb }: TokenLogProb): LogProbJson {
  return { token: text, logprob: Math.max(logProb, IMPOSSIBLE), bytes };
}
