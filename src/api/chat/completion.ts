import type { FinishReason, GenerationEvent, TokenUsage } from '../../backend/index.ts';

/** What all objects of one response have in common. */
export interface CompletionIdentity {
  /** `chatcmpl-…` */
  readonly id: string;
  /** Seconds since 1970. */
  readonly created: number;
  readonly model: string;
  readonly systemFingerprint: string;
}

/** OpenAI's usage object. */
export interface UsageJson {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
  readonly prompt_tokens_details: { readonly cached_tokens: number };
  readonly completion_tokens_details: { readonly reasoning_tokens: number };
}

/** OpenAI's `chat.completion`. */
export interface CompletionJson {
  readonly id: string;
  readonly object: 'chat.completion';
  readonly created: number;
  readonly model: string;
  readonly choices: readonly {
    readonly index: number;
    readonly message: { readonly role: 'assistant'; readonly content: string; readonly refusal: null };
    readonly logprobs: null;
    readonly finish_reason: FinishReason;
  }[];
  readonly usage: UsageJson;
  readonly system_fingerprint: string;
}

export function usageJson({ promptTokens, completionTokens, cachedTokens }: TokenUsage): UsageJson {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: cachedTokens },
    completion_tokens_details: { reasoning_tokens: 0 },
  };
}

/** Collects a generation into a completion. Throws what the generation throws. */
export async function toCompletion(
  identity: CompletionIdentity,
  events: AsyncIterable<GenerationEvent>,
): Promise<CompletionJson> {
  let content = '';
  let completion: CompletionJson | undefined;
  for await (const event of events) {
    if (event.type === 'text-delta') content += event.text;
    if (event.type !== 'finish') continue;
    completion = {
      id: identity.id,
      object: 'chat.completion',
      created: identity.created,
      model: identity.model,
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content, refusal: null },
          logprobs: null,
          finish_reason: event.reason,
        },
      ],
      usage: usageJson(event.usage),
      system_fingerprint: identity.systemFingerprint,
    };
  }
  if (completion === undefined) throw new Error('The backend ended a generation without a finish event.');
  return completion;
}
