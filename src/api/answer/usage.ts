import { z } from 'zod';
import type { TokenUsage } from '../../backend/index.ts';

/** OpenAI's usage object. */
export const usageSchema = z.object({
  prompt_tokens: z.int(),
  completion_tokens: z.int(),
  total_tokens: z.int(),
  prompt_tokens_details: z.object({ cached_tokens: z.int(), image_tokens: z.int().optional() }),
  completion_tokens_details: z.object({ reasoning_tokens: z.int() }),
});

export type UsageJson = Readonly<z.infer<typeof usageSchema>>;

export function usageJson(usage: TokenUsage): UsageJson {
  const { promptTokens, completionTokens, cachedTokens, reasoningTokens = 0 } = usage;
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: cachedTokens, ...imageTokensJson(usage) },
    completion_tokens_details: { reasoning_tokens: reasoningTokens },
  };
}

/** The tokens of images, where there are any. */
export function imageTokensJson({ imageTokens = 0 }: TokenUsage): { readonly image_tokens?: number } {
  return imageTokens > 0 ? { image_tokens: imageTokens } : {};
}

/** The usage of several answers to one prompt, which counts once. They are given in the order of their indices. */
export function sumOfUsage(usages: readonly TokenUsage[]): TokenUsage {
  const sum = (count: (usage: TokenUsage) => number) => usages.reduce((total, usage) => total + count(usage), 0);
  const [first] = usages;
  return {
    promptTokens: first?.promptTokens ?? 0,
    cachedTokens: first?.cachedTokens ?? 0,
    imageTokens: first?.imageTokens ?? 0,
    completionTokens: sum(({ completionTokens }) => completionTokens),
    reasoningTokens: sum(({ reasoningTokens = 0 }) => reasoningTokens),
  };
}
