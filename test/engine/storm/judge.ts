import type { TokenReport } from '../../../backends/node-llama-cpp/native-addon.ts';
import type { Answer } from './answer.ts';

/** What an answer is worth beside the one that was computed alone. */
export type Verdict =
  { readonly kind: 'same' | 'tie'; readonly difference: number } | { readonly kind: 'wrong'; readonly reason: string };

/**
 * Compares token by token: each must be chosen from the same logits, but for `rounding`, until two that are as good as equal
 * part the ways.
 */
export function judge(own: Answer, alone: Answer, rounding: number): Verdict {
  if ('code' in own || 'code' in alone) return judgeErrors(own, alone);
  if (own.promptTokens !== alone.promptTokens)
    return wrong(`${own.promptTokens} prompt tokens, not ${alone.promptTokens}`);
  let difference = 0;
  for (const [i, expected] of alone.trace.entries()) {
    const token = own.trace[i];
    if (token === undefined) return wrong(`it ends after ${i} tokens of ${alone.trace.length} (${own.reason})`);
    difference = Math.max(difference, differenceOf(token, expected));
    if (difference > rounding) return wrong(`the logits of token ${i} are ${difference.toFixed(3)} apart`);
    if (token.token !== expected.token) return { kind: 'tie', difference };
  }
  const isSame = own.trace.length === alone.trace.length && own.text === alone.text && own.reason === alone.reason;
  return isSame ? { kind: 'same', difference } : wrong(`${own.reason} after other text: ${own.text}`);
}

function judgeErrors(own: Answer, alone: Answer): Verdict {
  if ('code' in own && 'code' in alone && own.code === alone.code) return { kind: 'same', difference: 0 };
  return wrong(`${nameOf(own)} in place of ${nameOf(alone)}`);
}

function nameOf(answer: Answer): string {
  return 'code' in answer ? `${answer.code}: ${answer.message}` : 'an answer';
}

/** The greatest of the differences of the logits that both have. */
function differenceOf(own: TokenReport, alone: TokenReport): number {
  const expected = new Map(alone.likeliest.map(({ token, logit }) => [token, logit]));
  const known = own.likeliest.filter(({ token }) => expected.has(token));
  if (known.length < own.likeliest.length / 2) return Infinity;
  return Math.max(...known.map(({ token, logit }) => Math.abs(logit - (expected.get(token) ?? NaN))));
}

function wrong(reason: string): Verdict {
  return { kind: 'wrong', reason };
}
