import type { FinishReason, GenerationEvent, ToolCall } from '../../backend/index.ts';
import type { CollectedAnswer } from '../answer/collected-answer.ts';
import { collectAnswers } from '../answer/collected-answer.ts';
import type { AnswerIdentity } from '../answer/identity.ts';
import type { LogProbsJson } from '../answer/log-probs.ts';
import { logProbsJson } from '../answer/log-probs.ts';
import type { TimingsJson } from '../answer/timings.ts';
import { timingsOf } from '../answer/timings.ts';
import type { UsageJson } from '../answer/usage.ts';
import { sumOfUsage, usageJson } from '../answer/usage.ts';
import type { AnswerSettings } from './chat-request.ts';

/** OpenAI's finish reasons, and vLLM's `repetition`. */
export type FinishReasonJson = FinishReason | 'function_call';

interface FunctionCallJson {
  readonly name: string;
  readonly arguments: string;
}

interface MessageJson {
  readonly role: 'assistant';
  /** Null where there are only calls. */
  readonly content: string | null;
  /** DeepSeek's, vLLM's and llama-server's; absent without any. */
  readonly reasoning_content?: string;
  readonly refusal: null;
  readonly tool_calls?: readonly {
    readonly id: string;
    readonly type: 'function';
    readonly function: FunctionCallJson;
  }[];
  readonly function_call?: FunctionCallJson;
}

interface ChoiceJson {
  readonly index: number;
  readonly message: MessageJson;
  readonly logprobs: LogProbsJson | null;
  readonly finish_reason: FinishReasonJson;
  /** vLLM's: the stop string or token that ended it. */
  readonly stop_reason?: string | number;
}

/** OpenAI's `chat.completion`, with llama-server's timings. */
export interface CompletionJson {
  readonly id: string;
  readonly object: 'chat.completion';
  readonly created: number;
  readonly model: string;
  readonly choices: readonly ChoiceJson[];
  readonly usage: UsageJson;
  readonly system_fingerprint: string;
  readonly timings: TimingsJson;
}

/** Collects a generation into a completion. Throws what the generation throws. */
export async function toCompletion(
  identity: AnswerIdentity,
  events: AsyncIterable<GenerationEvent>,
  settings: AnswerSettings,
): Promise<CompletionJson> {
  const answers = await collectAnswers(events, settings);
  const usage = sumOfUsage(answers.map((answer) => answer.usage));
  return {
    id: identity.id,
    object: 'chat.completion',
    created: identity.created,
    model: identity.model,
    choices: answers.map((answer, index) => choiceJson(answer, index, settings)),
    usage: usageJson(usage),
    system_fingerprint: identity.systemFingerprint,
    timings: timingsOf(
      usage,
      answers.map(({ timings }) => timings),
    ),
  };
}

function choiceJson(answer: CollectedAnswer, index: number, settings: AnswerSettings): ChoiceJson {
  return {
    index,
    message: messageJson(answer, settings),
    logprobs: settings.hasLogProbs ? logProbsJson(answer.logProbs) : null,
    finish_reason: finishReasonJson(answer.reason, settings),
    ...(answer.stoppedBy === undefined ? {} : { stop_reason: answer.stoppedBy }),
  };
}

function messageJson({ text, reasoning, calls }: CollectedAnswer, settings: AnswerSettings): MessageJson {
  const content = settings.prefix + text;
  return {
    role: 'assistant',
    content: content === '' && calls.length > 0 ? null : content,
    ...(reasoning === '' ? {} : { reasoning_content: reasoning }),
    refusal: null,
    ...(calls.length === 0 ? {} : callsJson(calls, settings)),
  };
}

function callsJson(calls: readonly ToolCall[], { usesFunctionCall }: AnswerSettings) {
  const [first] = calls;
  if (usesFunctionCall && first !== undefined) {
    return { function_call: { name: first.name, arguments: first.arguments } };
  }
  return {
    tool_calls: calls.map(({ id, name, arguments: text }) => ({
      id,
      type: 'function' as const,
      function: { name, arguments: text },
    })),
  };
}

export function finishReasonJson(
  reason: FinishReason,
  { usesFunctionCall }: Pick<AnswerSettings, 'usesFunctionCall'>,
): FinishReasonJson {
  return reason === 'tool_calls' && usesFunctionCall ? 'function_call' : reason;
}
