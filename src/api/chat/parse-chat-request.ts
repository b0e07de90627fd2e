import { streamUsageOf } from '../answer/stream-usage.ts';
import type { ParsedMessage } from '../parsed-request.ts';
import { beginEmptyAnswer, refuseOpenCalls } from '../request/final-answer.ts';
import { asksForImageDetails } from '../request/include.ts';
import { invalid, show } from '../request/invalid-request.ts';
import type { ReadOptions } from '../request/json-object.ts';
import { isJsonObject } from '../request/json-object.ts';
import type { SettingsRead } from '../request/read-fields.ts';
import { readFields } from '../request/read-fields.ts';
import { toSettings } from '../request/request-kinds.ts';
import { toTemplateSettings } from '../request/template-settings.ts';
import type { AnswerSettings, ChatRequest } from './chat-request.ts';
import { CHAT_FIELDS } from './fields.ts';
import { readMessages } from './messages.ts';
import type { CHAT_KINDS } from './settings.ts';

type Values = SettingsRead<typeof CHAT_KINDS>['values'];

/**
 * Parses the body of a chat completion request. Null counts as absent, at any depth. Throws `invalid_request` or
 * `unsupported_parameter` with the path of the field as `param`.
 */
export function parseChatRequest(body: unknown, options: ReadOptions): ChatRequest {
  if (!isJsonObject(body)) throw invalid('', `The body must be a JSON object with messages, not ${show(body)}.`);
  const read = readFields<typeof CHAT_KINDS>(body, CHAT_FIELDS, options);
  const given = readMessages(body['messages'], options);
  const asked = toTemplateSettings(read, given);
  const places = placesOfLast(given);
  if (asked.continueFinalMessage) refuseOpenCalls(given, places.calls);
  const { messages, template } = beginEmptyAnswer(given, asked, places);
  const settings = toSettings(read);
  const { stream = false } = read.values;
  return {
    model: read.values.model,
    messages,
    template,
    ...settings,
    // As in llama-server: an answer in one piece has no place for it.
    reportProgress: settings.reportProgress && stream,
    stream,
    imageDetails: asksForImageDetails(read.values),
    answer: {
      choices: settings.choices,
      hasLogProbs: settings.logProbs !== undefined,
      prefix: read.values.echo === true && template.continueFinalMessage ? textOfLast(messages) : '',
      ...answerSettings(read.values),
    },
  };
}

function answerSettings(values: Values): Omit<AnswerSettings, 'choices' | 'hasLogProbs' | 'prefix'> {
  return {
    showsReasoning: values.reasoningShown ?? true,
    usesFunctionCall: values.functions !== undefined,
    streamUsage: streamUsageOf(values),
    timingsPerToken: values.timingsPerToken ?? false,
  };
}

/** Where an error of the last message lies. */
function placesOfLast(messages: readonly ParsedMessage[]) {
  const message = `messages[${String(messages.length - 1)}]`;
  return { message, calls: `${message}.tool_calls`, reasoning: `${message}.reasoning_content` };
}

function textOfLast(messages: readonly ParsedMessage[]): string {
  return messages
    .slice(-1)
    .flatMap(({ content }) => content.map((part) => (part.type === 'text' ? part.text : '')))
    .join('');
}
