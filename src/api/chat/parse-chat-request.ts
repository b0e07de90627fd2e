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
 * Reads the JSON body of a chat completion request. `null` means that a field was left out, wherever it stands. Throws
 * `invalid_request` or `unsupported_parameter`; the error's `param` names the field.
 */
export function parseChatRequest(body: unknown, options: ReadOptions): ChatRequest {
  if (!isJsonObject(body)) throw invalid('', `The body must be a JSON object with messages, not ${show(body)}.`);
  const { messages: given, ...fields } = body;
  const { values, paths } = readFields<typeof CHAT_KINDS>(fields, CHAT_FIELDS, options);
  const messages = readMessages(given, options);
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

/** A turn that calls tools is over: what comes next are their results. */
function refuseOpenCalls(messages: readonly ParsedMessage[]): void {
  if (messages.at(-1)?.toolCalls === undefined) return;
  const path = `messages[${String(messages.length - 1)}].tool_calls`;
  throw invalid(path, `${path} have no results yet. Send the messages of the tools after them.`);
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

/** The values of those keys that a table has. */
function pick<T extends object, K extends keyof T>(values: T, table: Readonly<Record<K, unknown>>): Pick<T, K> {
  return Object.fromEntries(Object.entries(values).filter(([key]) => Object.hasOwn(table, key))) as Pick<T, K>;
}
