import type { SamplingSettings, TemplateSettings } from '../../backend/index.ts';
import { invalid, show } from '../invalid-request.ts';
import type { JsonObject, ReadOptions } from '../json-object.ts';
import { isJsonObject, unsupported } from '../json-object.ts';
import type { ParsedMessage } from '../parsed-request.ts';
import { readFields } from '../read-fields.ts';
import { GENERATION_DEFAULTS } from '../request-defaults.ts';
import { GENERATION_KINDS, SAMPLING_KINDS } from '../setting-kinds.ts';
import { toTemplateSettings } from '../template-settings.ts';
import type { ChatRequest, StreamUsage } from './chat-request.ts';
import { CHAT_FIELDS } from './fields.ts';
import { readMessages } from './messages.ts';
import type { CHAT_KINDS } from './settings.ts';

/**
 * Parses the body of a chat completion request. Null counts as absent, at any depth. Throws `invalid_request` or
 * `unsupported_parameter` with the path of the field as `param`.
 */
export function parseChatRequest(body: unknown, options: ReadOptions): ChatRequest {
  if (!isJsonObject(body)) throw invalid('', `The body must be a JSON object with messages, not ${show(body)}.`);
  const { values, paths } = readFields<typeof CHAT_KINDS>(body, CHAT_FIELDS, options);
  refusePenaltyWindow(body, values);
  const given = readMessages(body['messages'], options);
  const settings = toTemplateSettings({ values, paths }, given);
  if (settings.continueFinalMessage) refuseOpenCalls(given);
  const { messages, template } = beginEmptyAnswer(given, settings);
  return {
    model: values.model,
    messages,
    template,
    sampling: pick(values, SAMPLING_KINDS),
    ...GENERATION_DEFAULTS,
    ...pick(values, GENERATION_KINDS),
    stream: values.stream ?? false,
    streamUsage: streamUsageOf(values),
  };
}

/** llama.cpp's default window of the penalties, which changes nothing without one. Ours see the whole conversation. */
function refusePenaltyWindow(body: JsonObject, values: Partial<SamplingSettings>): void {
  const { repetitionPenalty = 1, frequencyPenalty = 0, presencePenalty = 0 } = values;
  if (repetitionPenalty === 1 && frequencyPenalty === 0 && presencePenalty === 0) return;
  for (const [path, object] of [
    ['', body],
    ['options.', body['options']],
  ] as const) {
    const window = isJsonObject(object) ? object['repeat_last_n'] : undefined;
    if (window === 64) {
      throw unsupported(`${path}repeat_last_n`, window, 'Penalties see the whole conversation: set it to -1.');
    }
  }
}

/** A turn that calls tools cannot be continued: their results come next. */
function refuseOpenCalls(messages: readonly ParsedMessage[]): void {
  if (messages.at(-1)?.toolCalls === undefined) return;
  const path = `messages[${String(messages.length - 1)}].tool_calls`;
  throw invalid(path, `${path} have no results. Append the tool messages with them.`);
}

/** A final answer without any text yet is not continued, but begun. */
function beginEmptyAnswer(messages: readonly ParsedMessage[], template: TemplateSettings) {
  const last = messages.at(-1);
  const isEmpty = last?.content.every((part) => part.type === 'text' && part.text.trim() === '') === true;
  if (!template.continueFinalMessage || !isEmpty) return { messages, template };
  const path = `messages[${String(messages.length - 1)}]`;
  if (last.reasoning !== undefined) {
    throw unsupported(`${path}.reasoning_content`, last.reasoning, 'Only the text of an answer can be continued.');
  }
  if (messages.length === 1) throw invalid(path, `${path} is an empty answer, and there is nothing to answer.`);
  return {
    messages: messages.slice(0, -1),
    template: { ...template, addGenerationPrompt: true, continueFinalMessage: false },
  };
}

function streamUsageOf({
  includeUsage,
  continuousUsage,
}: {
  readonly includeUsage?: boolean;
  readonly continuousUsage?: boolean;
}): StreamUsage {
  if (includeUsage !== true) return 'none';
  return continuousUsage === true ? 'every' : 'last';
}

/** The values whose keys are in a table. */
function pick<T extends object, K extends keyof T>(values: T, table: Readonly<Record<K, unknown>>): Pick<T, K> {
  return Object.fromEntries(Object.entries(values).filter(([key]) => Object.hasOwn(table, key))) as Pick<T, K>;
}
