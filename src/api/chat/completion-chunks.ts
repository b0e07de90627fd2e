import type { FinishReason, GenerationEvent } from '../../backend/index.ts';
import type { StreamUsage } from './chat-request.ts';
import type { CompletionIdentity, UsageJson } from './completion.ts';
import { usageJson } from './completion.ts';

/** The usage of an unfinished generation. */
type UsageSoFarJson = Pick<UsageJson, 'prompt_tokens' | 'completion_tokens' | 'total_tokens'>;

/** OpenAI's `chat.completion.chunk`. */
export interface ChunkJson {
  readonly id: string;
  readonly object: 'chat.completion.chunk';
  readonly created: number;
  readonly model: string;
  readonly system_fingerprint: string;
  readonly choices: readonly {
    readonly index: number;
    readonly delta: { readonly role?: 'assistant'; readonly content?: string };
    readonly logprobs: null;
    readonly finish_reason: FinishReason | null;
  }[];
  readonly usage?: UsageJson | UsageSoFarJson | null;
}

/**
 * Converts a generation to the chunks of a stream: the role once the generation has started, the text as it comes, and
 * the finish reason. `last` appends a chunk with the usage and without choices; the others have null. `every` gives them
 * the usage so far, as vLLM's `continuous_usage_stats` does. Throws what the generation throws; before the first chunk,
 * that can still become an error response.
 */
export async function* toChunks(
  identity: CompletionIdentity,
  events: AsyncIterable<GenerationEvent>,
  streamUsage: StreamUsage,
): AsyncGenerator<ChunkJson, void, undefined> {
  const tokens = { prompt: 0, completion: 0 };
  const chunk = (
    delta: ChunkJson['choices'][number]['delta'],
    finishReason: FinishReason | null = null,
  ): ChunkJson => ({
    ...envelope(identity),
    choices: [{ index: 0, delta, logprobs: null, finish_reason: finishReason }],
    ...(streamUsage === 'none' ? {} : { usage: streamUsage === 'every' ? usageSoFar(tokens) : null }),
  });
  let finished = false;
  for await (const event of events) {
    switch (event.type) {
      case 'start':
        tokens.prompt = event.promptTokens;
        yield chunk({ role: 'assistant', content: '' });
        break;
      case 'text-delta':
        tokens.completion += event.tokens;
        yield chunk({ content: event.text });
        break;
      case 'progress':
      case 'prefilled':
      case 'reasoning-delta':
      case 'tool-call-delta':
        // Not asked for.
        break;
      case 'finish':
        tokens.completion = event.usage.completionTokens;
        yield chunk({}, event.reason);
        if (streamUsage !== 'none') yield { ...envelope(identity), choices: [], usage: usageJson(event.usage) };
        finished = true;
        break;
    }
  }
  if (!finished) throw new Error('The backend ended a generation without a finish event.');
}

function usageSoFar({ prompt, completion }: { readonly prompt: number; readonly completion: number }): UsageSoFarJson {
  return { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion };
}

function envelope({ id, created, model, systemFingerprint }: CompletionIdentity): Omit<ChunkJson, 'choices'> {
  return { id, object: 'chat.completion.chunk', created, model, system_fingerprint: systemFingerprint };
}
