import type { ChosenToken, TokenLogProb } from '../../../src/backend/index.ts';
import type { LogProbsJson, TokenJson } from './chunk-json.ts';

/** Of a token whose number the upstream does not tell. */
const UNKNOWN_ID = -1;
/** What servers write for a probability of 0. */
const IMPOSSIBLE = -9999;

/** The log probabilities of a chunk; undefined without any. */
export function chosenTokens(logProbs: LogProbsJson | null | undefined): readonly ChosenToken[] | undefined {
  if (logProbs === undefined || logProbs === null) return undefined;
  const { content, tokens, token_logprobs: probs } = logProbs;
  if (content !== undefined && content !== null) return content.map(chosen);
  if (tokens !== undefined && tokens !== null) return tokens.map((token, index) => listed(token, index, logProbs));
  return probs?.map((_, index) => listed(likeliestOf(index, logProbs), index, logProbs));
}

/** The text of a token that MAX does not tell: of the likeliest, the one of the same probability. */
function likeliestOf(index: number, { token_logprobs: probs, top_logprobs: tops }: LogProbsJson): string {
  const [text = ''] = Object.entries(tops?.[index] ?? {}).find(([, logProb]) => logProb === probs?.[index]) ?? [];
  return text;
}

function chosen(token: TokenJson): ChosenToken {
  return { ...tokenOf(token), likeliest: (token.top_logprobs ?? []).map(tokenOf) };
}

function tokenOf({ id = UNKNOWN_ID, token = '', bytes, logprob = 0 }: TokenJson): TokenLogProb {
  return { id, text: token, bytes: bytes ?? bytesOf(token), logProb: logprob <= IMPOSSIBLE ? -Infinity : logprob };
}

/** A token in the lists of a text completion. */
function listed(
  token: string,
  index: number,
  { token_logprobs: probs, top_logprobs: tops }: LogProbsJson,
): ChosenToken {
  const likeliest = Object.entries(tops?.[index] ?? {}).map(([text, logprob]) => tokenOf({ token: text, logprob }));
  return { ...tokenOf({ token, logprob: probs?.[index] ?? 0 }), likeliest };
}

function bytesOf(text: string): readonly number[] {
  return [...Buffer.from(text)];
}
