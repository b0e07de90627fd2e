import type { ParsedMessage } from './parsed-request.ts';
import { invalid, show } from './invalid-request.ts';
import { LongText, textOf } from './long-text.ts';

type Part = ParsedMessage['content'][number];
type Fields = Readonly<Record<string, unknown>>;

const roles: ReadonlyMap<unknown, ParsedMessage['role']> = new Map([
  ['system', 'system'],
  ['developer', 'system'],
  ['user', 'user'],
  ['assistant', 'assistant'],
]);

/** Reads `messages`. Throws `invalid_request` or `unsupported_parameter`, naming the part at fault. */
export function readMessages(messages: unknown): ParsedMessage[] {
  if (!Array.isArray(messages) || messages.length === 0) {
    throw invalid('messages', 'messages must be a list with at least one message.');
  }
  return messages.map((message: unknown, index) => readMessage(message, `messages[${String(index)}]`));
}

function readMessage(message: unknown, param: string): ParsedMessage {
  if (!isFields(message))
    throw invalid(param, `${param} must be an object with a role and content, not ${show(message)}.`);
  const { role } = message;
  if (role === 'tool' || role === 'function' || isFilled(message['tool_calls']) || isFilled(message['function_call'])) {
    throw invalid(param, `${param} belongs to a tool call, and this server has no tools yet.`, 'unsupported_parameter');
  }
  const known = roles.get(role);
  if (known === undefined) {
    throw invalid(`${param}.role`, `${param}.role must be one of ${[...roles.keys()].join(', ')}, not ${show(role)}.`);
  }
  return { role: known, content: readContent(message['content'], `${param}.content`) };
}

/** Content is a text, or a list of parts; null is empty. */
function readContent(content: unknown, param: string): Part[] {
  if (content === null) return [];
  const text = textOf(content);
  if (text !== undefined) return [{ type: 'text', text }];
  if (!Array.isArray(content)) {
    throw invalid(param, `${param} must be a text or a list of parts, not ${show(content)}.`);
  }
  return content.map((part: unknown, index) => readPart(part, `${param}[${String(index)}]`));
}

function readPart(part: unknown, param: string): Part {
  if (!isFields(part)) throw invalid(param, `${param} must be an object with a type, not ${show(part)}.`);
  switch (part['type']) {
    case 'text':
    case 'input_text': {
      const text = textOf(part['text']);
      if (text !== undefined) return { type: 'text', text };
      throw invalid(`${param}.text`, `${param}.text must be a text, not ${show(part['text'])}.`);
    }
    case 'image_url':
      return { type: 'image', url: readImageUrl(part['image_url'], `${param}.image_url`), param };
    default:
      throw invalid(
        `${param}.type`,
        `${param}.type must be text or image_url: ${show(part['type'])} is not supported.`,
        'unsupported_parameter',
      );
  }
}

/** OpenAI's is `{url, detail}`; a bare URL is taken too. `detail` has no effect: the model's processor has one size. */
function readImageUrl(image: unknown, param: string): string | LongText {
  const [url, place] = isFields(image) ? [image['url'], `${param}.url`] : [image, param];
  if (url instanceof LongText || (typeof url === 'string' && url !== '')) return url;
  throw invalid(place, `${place} must be a URL (http, https, data or file), not ${show(url)}.`);
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof LongText);
}

function isFilled(value: unknown): boolean {
  return value !== undefined && value !== null && !(Array.isArray(value) && value.length === 0);
}
