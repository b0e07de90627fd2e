import type { ParsedMessage, PlainPart, ParsedRequest } from '../parsed-request.ts';
import { readImages } from '../request/content.ts';
import { beginEmptyAnswer, refuseOpenCalls } from '../request/final-answer.ts';
import { asksForImageDetails } from '../request/include.ts';
import { invalid, show } from '../request/invalid-request.ts';
import type { JsonObject, ReadOptions } from '../request/json-object.ts';
import { isJsonObject } from '../request/json-object.ts';
import type { SettingsRead } from '../request/read-fields.ts';
import { readFields } from '../request/read-fields.ts';
import { toSettings } from '../request/request-kinds.ts';
import { toTemplateSettings } from '../request/template-settings.ts';
import { CHAT_FIELDS, GENERATE_FIELDS } from './fields.ts';
import type { COMMON_KINDS, GENERATE_KINDS } from './kinds.ts';
import { readMessages } from './messages.ts';
import { servedNameOf } from './model-name.ts';
import type { LoadReason, OllamaModel, OllamaRequest } from './ollama-request.ts';

type Read = SettingsRead<typeof COMMON_KINDS>;
type Prompt = Pick<ParsedRequest, 'messages' | 'prompt'>;

/**
 * Parses the body of `/api/chat`. Without messages it asks for the model to be loaded. Throws `invalid_request`,
 * `unsupported_parameter` or `unsupported_capability` with the path of the field as `param`.
 */
export function parseChatRequest(body: unknown, options: ReadOptions, model: OllamaModel): OllamaRequest {
  const object = requireObject(body, 'messages');
  const read = readFields<typeof COMMON_KINDS>(object, CHAT_FIELDS, options);
  const messages = readMessages(object['messages'], options);
  return toRequest(read, { messages }, messages.length === 0, model);
}

/** Parses the body of `/api/generate`. Without a prompt it asks for the model to be loaded. Throws as `parseChatRequest`. */
export function parseGenerateRequest(body: unknown, options: ReadOptions, model: OllamaModel): OllamaRequest {
  const object = requireObject(body, 'a prompt');
  const read = readFields<typeof GENERATE_KINDS>(object, GENERATE_FIELDS, options);
  const images = readImages(object['images'] ?? undefined, 'images');
  const { prompt = '' } = read.values;
  const isEmpty = prompt === '' && images.length === 0;
  // Images come before the text, as in messages.
  const content: PlainPart[] = [...images, { type: 'text', text: prompt }];
  return toRequest(read, promptOf(read, content), isEmpty, model);
}

function requireObject(body: unknown, content: string): JsonObject {
  if (isJsonObject(body)) return body;
  throw invalid('', `The body must be a JSON object with ${content}, not ${show(body)}.`);
}

/** A conversation of one turn; raw, the prompt as it is. */
function promptOf({ values }: SettingsRead<typeof GENERATE_KINDS>, content: readonly PlainPart[]): Prompt {
  const { system = '', raw = false } = values;
  if (!raw) {
    const instructions: ParsedMessage[] =
      system === '' ? [] : [{ role: 'system', content: [{ type: 'text', text: system }] }];
    return { messages: [...instructions, { role: 'user', content }] };
  }
  if (system !== '') throw invalid('system', 'system cannot be combined with raw: write it into the prompt.');
  return { messages: [], prompt: content };
}

function toRequest(read: Read, given: Prompt, isEmpty: boolean, model: OllamaModel): OllamaRequest {
  const { values, paths } = read;
  checkContext(values, paths, model);
  checkThinking(values, paths, model);
  const asked = toTemplateSettings(read, given.messages);
  const last = `messages[${String(given.messages.length - 1)}]`;
  if (asked.continueFinalMessage) refuseOpenCalls(given.messages, `${last}.tool_calls`);
  const { messages, template } = beginEmptyAnswer(given.messages, asked, {
    message: last,
    reasoning: `${last}.thinking`,
  });
  return {
    ...toSettings(read),
    model: servedNameOf(values.model, model.name),
    ...given,
    messages,
    template,
    stream: values.stream ?? true,
    imageDetails: asksForImageDetails(values),
    answer: { model: values.model ?? model.name, load: isEmpty ? loadReason(values) : undefined },
  };
}

function loadReason({ unloads = false }: Read['values']): LoadReason {
  return unloads ? 'unload' : 'load';
}

/** The context is as large as the server was started with. A smaller one has no use. */
function checkContext({ contextSize = 0 }: Read['values'], paths: Read['paths'], { info }: OllamaModel): void {
  if (contextSize <= info.contextLength) return;
  const path = paths.contextSize ?? '';
  throw invalid(
    path,
    `${path} asks for ${String(contextSize)} tokens, and the context of this server has ${String(info.contextLength)}. Ask for at most as many, or start the server with a greater --max-length.`,
  );
}

function checkThinking(
  { thinking, reasoningEffort }: Read['values'],
  paths: Read['paths'],
  { info }: OllamaModel,
): void {
  if (info.capabilities.reasoning === true || (thinking !== true && reasoningEffort === undefined)) return;
  const path = paths.thinking ?? paths.reasoningEffort ?? '';
  throw invalid(path, `This model does not think: leave out ${path}, or set it to false.`, 'unsupported_capability');
}
