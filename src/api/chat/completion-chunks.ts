import type { FinishReason, GenerationEvent } from '../../backend/index.ts';
import type { CompletionIdentity, UsageJson } from './completion.ts';
import { usageJson } from './completion.ts';

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
  readonly usage?: UsageJson | null;
}

/**
 * Turns a generation into the chunks of a stream: the role once the generation has begun, the text as it comes, the
 * finish reason, and with `includeUsage` a last chunk without choices that holds the usage (null in all others).
 * Throws what the generation throws; before the first chunk, that can still be an ordinary error answer.
 */
export async function* toChunks(
  identity: CompletionIdentity,
  events: AsyncIterable<GenerationEvent>,
  includeUsage: boolean,
): AsyncGenerator<ChunkJson, void, undefined> {
  const chunk = (
    delta: ChunkJson['choices'][number]['delta'],
    finishReason: FinishReason | null = null,
  ): ChunkJson => ({
    ...envelope(identity),
    choices: [{ index: 0, delta, logprobs: null, finish_reason: finishReason }],
    ...(includeUsage ? { usage: null } : {}),
  });
  let finished = false;
  for await (const event of events) {
    switch (event.type) {
      case 'start':
        yield chunk({ role: 'assistant', content: '' });
        break;
      case 'text-delta':
        yield chunk({ content: event.text });
        break;
      case 'finish':
        yield chunk({}, event.reason);
        if (includeUsage) yield { ...envelope(identity), choices: [], usage: usageJson(event.usage) };
        finished = true;
        break;
    }
  }
  if (!finished) throw new Error('The backend ended a generation without a finish event.');
}

function envelope({ id, created, model, systemFingerprint }: CompletionIdentity): Omit<ChunkJson, 'choices'> {
  return { id, object: 'chat.completion.chunk', created, model, system_fingerprint: systemFingerprint };
}
