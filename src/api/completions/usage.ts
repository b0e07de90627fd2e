import type { TokenUsage } from '../../backend/index.ts';
import { sumOfUsage } from '../answer/usage.ts';

/** The usage of the answers to several prompts, `choices` to each. Each prompt counts once. */
export function usageOfAll(usages: readonly TokenUsage[], choices: number): TokenUsage {
  const prompts = Array.from({ length: usages.length / choices }, (_, index) =>
    sumOfUsage(usages.slice(index * choices, (index + 1) * choices)),
  );
  const sum = (count: (usage: TokenUsage) => number): number =>
    prompts.reduce((total, usage) => total + count(usage), 0);
  return {
    promptTokens: sum(({ promptTokens }) => promptTokens),
    cachedTokens: sum(({ cachedTokens }) => cachedTokens),
    imageTokens: sum(({ imageTokens = 0 }) => imageTokens),
    completionTokens: sum(({ completionTokens }) => completionTokens),
    reasoningTokens: sum(({ reasoningTokens = 0 }) => reasoningTokens),
  };
}
