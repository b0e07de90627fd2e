import type { ParsedMessage } from '../parsed-request.ts';
import { beginEmptyAnswer, refuseOpenCalls } from '../request/final-answer.ts';
import { asksForImageDetails } from '../request/include.ts';
import { invalid, show } from '../request/invalid-request.ts';
import type { JsonObject, ReadOptions } from '../request/json-object.ts';
import { isJsonObject } from '../request/json-object.ts';
import type { SettingsRead } from '../request/read-fields.ts';
import { readFields } from '../request/read-fields.ts';
import { toSettings } from '../request/request-kinds.ts';
import { toTemplateSettings } from '../request/template-settings.ts';
import { readConversation } from './conversation.ts';
import { MESSAGES_FIELDS } from './fields.ts';
import type { MessagesRequest } from './messages-request.ts';
import type { MESSAGES_KINDS } from './settings.ts';

type Read = SettingsRead<typeof MESSAGES_KINDS>;

/**
 * Parses the body of a request for a message. Null counts as absent, at any depth. Throws `invalid_request` or
 * `unsupported_parameter` with the path of the field as `param`.
 */
export function parseMessagesRequest(body: unknown, options: ReadOptions): MessagesRequest {
  const request = parseCountRequest(body, options);
  if (request.maxTokens !== undefined) return request;
  throw invalid('max_tokens', 'max_tokens is missing. It must be an integer of at least 1.');
}

/** Parses the body of a request for the number of its tokens, which needs no `max_tokens`. Throws the same. */
export function parseCountRequest(body: unknown, options: ReadOptions): MessagesRequest {
  if (!isJsonObject(body)) throw invalid('', `The body must be a JSON object with messages, not ${show(body)}.`);
  const read = withoutIdleEffort(readFields<typeof MESSAGES_KINDS>(body, MESSAGES_FIELDS, options));
  const given = withRecentThinking(readConversation(body, options), read.values.keptThinkingTurns);
  const asked = toTemplateSettings(read, given);
  const places = placesOfLast(body);
  if (asked.continueFinalMessage) refuseOpenCalls(given, places.calls);
  const settings = toSettings(read);
  return {
    model: read.values.model,
    ...beginEmptyAnswer(given, asked, places),
    ...settings,
    stream: read.values.stream ?? false,
    imageDetails: asksForImageDetails(read.values),
    answer: { showsThinking: read.values.reasoningShown ?? true, maxTokens: settings.maxTokens },
  };
}

/** An effort is how hard to think. It does not contradict a request not to. */
function withoutIdleEffort(read: Read): Read {
  if (read.values.thinking !== false) return read;
  const { reasoningEffort: _, ...values } = read.values;
  return { ...read, values };
}

/** Drops the thinking of all but the last turns of the assistant. */
function withRecentThinking(messages: readonly ParsedMessage[], turns = Infinity): readonly ParsedMessage[] {
  const answers = messages.filter(({ role }) => role === 'assistant');
  const old = new Set(answers.slice(0, Math.max(0, answers.length - turns)));
  return messages.map((message) => {
    if (!old.has(message)) return message;
    const { reasoning: _, ...others } = message;
    return others;
  });
}

/** Where an error of the last message lies. */
function placesOfLast({ messages }: JsonObject) {
  const message = `messages[${String(Array.isArray(messages) ? messages.length - 1 : 0)}]`;
  return { message, calls: `${message}.content`, reasoning: `${message}.content` };
}
