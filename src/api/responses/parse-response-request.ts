import type { TemplateSettings } from '../../backend/index.ts';
import type { ParsedMessage } from '../parsed-request.ts';
import { invalid, show } from '../request/invalid-request.ts';
import type { JsonObject, ReadOptions } from '../request/json-object.ts';
import { isJsonObject, unsupported } from '../request/json-object.ts';
import { keepLongTexts } from '../request/long-text.ts';
import type { SettingsRead } from '../request/read-fields.ts';
import { readFields } from '../request/read-fields.ts';
import { toSettings } from '../request/request-kinds.ts';
import { toTemplateSettings } from '../request/template-settings.ts';
import type { ResponseArchive } from './archive.ts';
import type { PlacedItem } from './conversation.ts';
import { Conversation } from './conversation.ts';
import { echoOf } from './echo.ts';
import { RESPONSE_FIELDS } from './fields.ts';
import { placedItems, readInput } from './input-items.ts';
import type { ResponseRequest } from './response-request.ts';
import type { RESPONSE_KINDS } from './settings.ts';

type Read = SettingsRead<typeof RESPONSE_KINDS>;

/**
 * Parses the body of a request for a response. What it refers to is taken from the archive. Null counts as absent, at any
 * depth. Throws `invalid_request`, `unsupported_parameter`, `previous_response_not_found` or `response_not_found` with the
 * path of the field as `param`.
 */
export function parseResponseRequest(body: unknown, options: ReadOptions, archive: ResponseArchive): ResponseRequest {
  if (!isJsonObject(body)) throw invalid('', `The body must be a JSON object with input, not ${show(body)}.`);
  const read = withComposed(readFields<typeof RESPONSE_KINDS>(body, RESPONSE_FIELDS, options));
  const { values } = read;
  const items = placedItems(inputOf(body, values), archive);
  const input = items.map(({ item }) => item);
  if (values.store ?? true) keepLongTexts(input);
  const messages = messagesOf(read, items, archive, options);
  const template = toTemplateSettings(read, messages);
  const settings = toSettings(read);
  const { stream = false, background = false } = values;
  const store = (values.store ?? true) && archive.hasRoomFor(input);
  if (background && !store) throw notStored(values);
  return {
    model: values.model,
    ...completeTurn(messages, template, items),
    ...settings,
    // As in llama-server: an answer in one piece has no place for it.
    reportProgress: settings.reportProgress && stream,
    stream,
    imageDetails: includes(values, 'image_details'),
    answer: {
      echo: echoOf(body, values, store),
      background,
      truncates: values.truncates ?? false,
      store,
      input,
      showsReasoning: values.reasoningShown ?? true,
      summarizesReasoning: values.summary !== undefined,
      sealsReasoning: includes(values, 'reasoning.encrypted_content'),
      hasLogProbs: settings.logProbs !== undefined,
      timingsPerToken: values.timingsPerToken ?? false,
      callForms: values.offered?.forms ?? new Map(),
    },
  };
}

/** The settings that come from a field which says more than one. */
function withComposed({ values, paths }: Read): Read {
  const hasLogProbs = includes(values, 'message.output_text.logprobs') || (values.topLogProbs ?? 0) > 0;
  const tools = values.offered?.tools;
  return {
    values: { ...values, ...(hasLogProbs ? { hasLogProbs } : {}), ...(tools === undefined ? {} : { tools }) },
    paths: {
      ...paths,
      ...(hasLogProbs ? { hasLogProbs: paths.include ?? paths.topLogProbs ?? '' } : {}),
      ...(paths.offered === undefined ? {} : { tools: paths.offered }),
    },
  };
}

function includes({ include = [] }: Read['values'], what: string): boolean {
  return include.includes(what);
}

/** A request may have instructions, or what it continues, and nothing else. */
function inputOf(body: JsonObject, { instructions, previousId }: Read['values']): readonly JsonObject[] {
  const input = body['input'] ?? undefined;
  const isContext = instructions !== undefined || previousId !== undefined;
  const isNone = input === undefined || (Array.isArray(input) && input.length === 0);
  if (isNone && !isContext) {
    throw invalid('input', `input must be a string or an array of at least one item, not ${show(input)}.`);
  }
  return input === undefined ? [] : readInput(input);
}

function messagesOf(
  { values, paths }: Read,
  items: readonly PlacedItem[],
  archive: ResponseArchive,
  options: ReadOptions,
): readonly ParsedMessage[] {
  const conversation = new Conversation();
  if (values.instructions !== undefined) conversation.addInstructions(values.instructions);
  const { previousId } = values;
  const before = previousId === undefined ? [] : archive.conversation(previousId);
  for (const [index, item] of before.entries()) {
    conversation.add({ item, path: `${paths.previousId ?? ''}[${String(index)}]` }, options);
  }
  for (const item of items) conversation.add(item, options);
  return conversation.messages;
}

/** A final answer is continued, as in llama-server; one that calls tools or has no text cannot be. */
function completeTurn(
  messages: readonly ParsedMessage[],
  template: TemplateSettings,
  items: readonly PlacedItem[],
): Pick<ResponseRequest, 'messages' | 'template'> {
  const last = messages.at(-1);
  if (!template.continueFinalMessage || last === undefined) return { messages, template };
  const path = items.at(-1)?.path ?? 'input';
  if (last.toolCalls !== undefined) {
    const ids = last.toolCalls.map(({ id }) => id).join(', ');
    throw invalid(path, `${path}: the calls ${show(ids)} have no results. Append their function_call_output items.`);
  }
  if (last.content.some((part) => part.type !== 'text' || part.text.trim() !== '')) return { messages, template };
  if (last.reasoning !== undefined) {
    throw unsupported(path, { type: 'reasoning' }, 'Only the text of an answer can be continued.');
  }
  return {
    messages: messages.slice(0, -1),
    template: { ...template, addGenerationPrompt: true, continueFinalMessage: false },
  };
}

function notStored({ store }: Read['values']) {
  const reason = store === false ? 'store is false' : 'this server has no room to store it (--max-stored-responses)';
  return invalid('background', `background needs a response that is stored, and ${reason}. Leave background out.`);
}
