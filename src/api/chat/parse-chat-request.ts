import { invalid, show } from '../invalid-request.ts';
import type { ReadOptions } from '../json-object.ts';
import { isJsonObject } from '../json-object.ts';
import type { ParsedMessage } from '../parsed-request.ts';
import { readFields } from '../read-fields.ts';
import { GENERATION_DEFAULTS, GENERATION_KINDS, SAMPLING_KINDS } from '../setting-kinds.ts';
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
  const messages = readMessages(body['messages'], options);
  const template = toTemplateSettings({ values, paths }, messages);
  if (template.continueFinalMessage) refuseOpenCalls(messages);
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

/** A turn that calls tools cannot be continued: their results come next. */
function refuseOpenCalls(messages: readonly ParsedMessage[]): void {
  if (messages.at(-1)?.toolCalls === undefined) return;
  const path = `messages[${String(messages.length - 1)}].tool_calls`;
  throw invalid(path, `${path} have no results. Append the tool messages with them.`);
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
