import type { FinishReason, GenerationEvent, JsonValue, TokenUsage, ToolCall } from '../../backend/index.ts';
import type { CollectedAnswer } from '../answer/collected-answer.ts';
import { collectAnswers } from '../answer/collected-answer.ts';
import type { AnswerIdentity } from '../answer/identity.ts';
import type { MessageSettings } from './messages-request.ts';

type StopReasonJson = 'end_turn' | 'max_tokens' | 'stop_sequence' | 'tool_use' | 'model_context_window_exceeded';

type BlockJson =
  | { readonly type: 'thinking'; readonly thinking: string; readonly signature: string }
  | { readonly type: 'text'; readonly text: string; readonly citations: null }
  | {
      readonly type: 'tool_use';
      readonly id: string;
      readonly name: string;
      readonly input: JsonValue;
      readonly caller: { readonly type: 'direct' };
    };

/** Anthropic's usage at the end of a stream. Cached tokens of the prompt do not count as input tokens. */
interface DeltaUsageJson {
  readonly input_tokens: number;
  readonly cache_creation_input_tokens: 0;
  readonly cache_read_input_tokens: number;
  readonly output_tokens: number;
  readonly output_tokens_details: { readonly thinking_tokens: number };
  readonly server_tool_use: null;
}

/** Anthropic's usage of a message. */
interface UsageJson extends DeltaUsageJson {
  readonly cache_creation: { readonly ephemeral_5m_input_tokens: 0; readonly ephemeral_1h_input_tokens: 0 };
  readonly inference_geo: null;
  readonly service_tier: 'standard';
  readonly speed: null;
}

/** How a message ended. */
interface EndingJson {
  readonly stop_reason: StopReasonJson | null;
  readonly stop_sequence: string | null;
  readonly stop_details: null;
}

/** Anthropic's `message`. */
export interface MessageJson extends EndingJson {
  readonly id: string;
  readonly type: 'message';
  readonly role: 'assistant';
  readonly model: string;
  readonly content: readonly BlockJson[];
  readonly container: null;
  readonly diagnostics: null;
  readonly usage: UsageJson;
}

/** How a generation ended. */
export type Ending = Pick<CollectedAnswer, 'reason' | 'stoppedBy' | 'usage'>;

/** Clients send thinking back only if it is signed. Nobody checks it. */
export const SIGNATURE = 'dnNlcnZl';

/** Collects a generation into a message. Throws what the generation throws. */
export async function toMessage(
  identity: AnswerIdentity,
  events: AsyncIterable<GenerationEvent>,
  settings: MessageSettings,
): Promise<MessageJson> {
  const [answer] = await collectAnswers(events, { choices: 1, showsReasoning: true });
  if (answer === undefined) throw new TypeError('A generation has at least one answer.');
  return {
    ...emptyMessage(identity),
    content: contentJson(answer, settings),
    ...endingJson(answer, settings),
    usage: usageJson(answer.usage),
  };
}

/** A message as it begins. */
export function emptyMessage({ id, model }: AnswerIdentity): Omit<MessageJson, 'usage'> {
  return {
    id,
    type: 'message',
    role: 'assistant',
    model,
    content: [],
    stop_reason: null,
    stop_sequence: null,
    stop_details: null,
    container: null,
    diagnostics: null,
  };
}

function contentJson({ reasoning, text, calls }: CollectedAnswer, { showsThinking }: MessageSettings): BlockJson[] {
  const thinking = showsThinking ? reasoning : '';
  return [
    ...(reasoning === '' ? [] : [{ type: 'thinking' as const, thinking, signature: SIGNATURE }]),
    ...(text === '' ? [] : [textBlock(text)]),
    ...calls.map(({ id, name, arguments: input }) => toolUseBlock({ id, name }, inputJson(input))),
  ];
}

export function textBlock(text: string) {
  return { type: 'text', text, citations: null } as const;
}

export function toolUseBlock({ id, name }: Pick<ToolCall, 'id' | 'name'>, input: JsonValue) {
  return { type: 'tool_use', id, name, input, caller: { type: 'direct' } } as const;
}

/** The arguments of a call. One that `max_tokens` has cut has no JSON yet. */
function inputJson(text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return {};
  }
}

export function endingJson({ reason, stoppedBy, usage }: Ending, { maxTokens }: MessageSettings): EndingJson {
  const stopSequence = reason === 'stop' && typeof stoppedBy === 'string' ? stoppedBy : null;
  const isWindowFull = reason === 'length' && usage.completionTokens < (maxTokens ?? 0);
  return {
    stop_reason:
      stopSequence !== null ? 'stop_sequence' : isWindowFull ? 'model_context_window_exceeded' : STOP_REASONS[reason],
    stop_sequence: stopSequence,
    stop_details: null,
  };
}

const STOP_REASONS: Readonly<Record<FinishReason, StopReasonJson>> = {
  stop: 'end_turn',
  tool_calls: 'tool_use',
  length: 'max_tokens',
  repetition: 'end_turn',
};

export function usageJson(usage: TokenUsage): UsageJson {
  return {
    ...deltaUsageJson(usage),
    cache_creation: { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: 0 },
    inference_geo: null,
    service_tier: 'standard',
    speed: null,
  };
}

export function deltaUsageJson(usage: TokenUsage): DeltaUsageJson {
  const { promptTokens, cachedTokens, completionTokens, reasoningTokens = 0 } = usage;
  return {
    input_tokens: promptTokens - cachedTokens,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: cachedTokens,
    output_tokens: completionTokens,
    output_tokens_details: { thinking_tokens: reasoningTokens },
    server_tool_use: null,
  };
}
