/** Which chunks of a stream have the usage: none, the last, or each with the usage so far, as in vLLM. */
export type StreamUsage = 'none' | 'last' | 'every';

/** From the fields of OpenAI and vLLM. */
export function streamUsageOf({
  includeUsage,
  continuousUsage,
}: {
  readonly includeUsage?: boolean | undefined;
  readonly continuousUsage?: boolean | undefined;
}): StreamUsage {
  if (includeUsage !== true) return 'none';
  return continuousUsage === true ? 'every' : 'last';
}

/** The usage so far, as text. */
export function usageSoFar(promptTokens: number, completionTokens: number): string {
  return JSON.stringify({
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
  });
}
