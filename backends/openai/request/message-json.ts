import type { ChatMessage, ContentPart, ImageBudget } from '../../../src/backend/index.ts';
import type { Dialect } from '../dialect.ts';
import { unsupported } from './unsupported.ts';

export type ImagePart = Extract<ContentPart, { readonly type: 'image' }>;

/** The URL of each image: that of the web, or one of data. */
export type UrlOf = (part: ImagePart) => string;

/** OpenAI's messages. Throws `unsupported_capability` for what a budget asks and no upstream can be told. */
export function messagesJson(messages: readonly ChatMessage[], dialect: Dialect, urlOf: UrlOf): object[] {
  return messages.map((message) => messageJson(message, dialect, urlOf));
}

function messageJson(message: ChatMessage, dialect: Dialect, urlOf: UrlOf): object {
  const { role, content, name, reasoning = '', toolCalls = [], toolCallId } = message;
  return {
    role,
    content: contentJson(content, toolCalls.length > 0, (part) => imageJson(part, dialect, urlOf)),
    ...(name === undefined ? {} : { name }),
    // OpenAI refuses fields that it does not know.
    ...(reasoning === '' || dialect === 'openai' ? {} : { reasoning_content: reasoning }),
    ...(toolCallId === undefined ? {} : { tool_call_id: toolCallId }),
    ...(toolCalls.length === 0
      ? {}
      : {
          tool_calls: toolCalls.map(({ id, name, arguments: text }) => ({
            id,
            type: 'function',
            function: { name, arguments: text },
          })),
        }),
  };
}

/** A single text is a string, which every template takes. */
function contentJson(
  content: readonly ContentPart[],
  hasCalls: boolean,
  imageOf: (part: ImagePart) => object,
): unknown {
  const [first, second] = content;
  if (first === undefined) return hasCalls ? null : '';
  if (second === undefined && first.type === 'text') return first.text;
  return content.map((part) => (part.type === 'text' ? { type: 'text', text: part.text } : imageOf(part)));
}

function imageJson(part: ImagePart, dialect: Dialect, urlOf: UrlOf): object {
  return { type: 'image_url', image_url: { url: urlOf(part), ...budgetJson(part.budget, dialect) } };
}

/** The most pixels of a picture are kept to before it is sent. */
function budgetJson(budget: ImageBudget | undefined, dialect: Dialect): object {
  if (budget === undefined) return {};
  const { detail, minPixels, maxPixels } = budget;
  if (dialect === 'vserve') {
    return {
      ...(detail === undefined ? {} : { detail }),
      ...(minPixels === undefined ? {} : { min_pixels: minPixels }),
      ...(maxPixels === undefined ? {} : { max_pixels: maxPixels }),
    };
  }
  if (minPixels !== undefined) throw unsupported(`${budget.param ?? 'image_url'}.min_pixels`, dialect);
  // `original` is ours.
  return detail === undefined ? {} : { detail: detail === 'original' ? 'high' : detail };
}
