import { describe, expect, it } from 'vitest';
import { parseChatRequest } from '../../../src/api/chat/index.ts';
import type { ParsedMessage } from '../../../src/api/index.ts';
import { VserveError } from '../../../src/errors/index.ts';

/** Base64 of a PNG file, cut short. */
const base64 = 'iVBORw0KGgoAAAANSUhEUgAAAEAAAABACAIAAAAlC+aJAAAAmUlEQVR4';
const data = `data:image/png;base64,${base64}`;
const bare = `data:;base64,${base64}`;

function shown({ role, content, name, reasoning }: ParsedMessage): string {
  const parts = content.map((part) =>
    'url' in part && typeof part.url === 'string' ? `[${part.url}]` : part.type === 'text' ? part.text : part.type,
  );
  const thought = reasoning === undefined ? '' : `(${reasoning}) `;
  return `${role}${name === undefined ? '' : ` ${name}`}: ${thought}${parts.join('|')}`;
}

/** The messages as they were understood, or the code and param of the error. */
function outcomeOf(messages: unknown, allowExtraFields = false): string {
  try {
    return parseChatRequest({ messages }, { allowExtraFields }).messages.map(shown).join('; ');
  } catch (error) {
    if (error instanceof VserveError) return `${error.code} ${error.param ?? ''}`;
    throw error;
  }
}

const user = (...content: readonly unknown[]) => [{ role: 'user', content }];
const text = (value: string) => ({ type: 'text', text: value });
const imageUrl = (url: unknown, fields: object = {}) => ({ type: 'image_url', image_url: url, ...fields });
const before = [{ role: 'user', content: 'a' }];
const assistant = (fields: object) => [...before, { role: 'assistant', ...fields }];
const part = 'messages[0].content[0]';

const conversations: Readonly<Record<string, [messages: unknown, outcome: string]>> = {
  'a text': [[{ role: 'user', content: 'hi' }], 'user: hi'],
  'a system message': [[{ role: 'system', content: 's' }, ...before], 'system: s; user: a'],
  'a system message in parts': [
    [{ role: 'system', content: [text('s'), text('t')] }, ...before],
    'system: s|t; user: a',
  ],
  "the developer's message": [[{ role: 'developer', content: 's' }, ...before], 'system: s; user: a'],
  'two system messages': [
    [{ role: 'system', content: 's' }, { role: 'system', content: 't' }, ...before],
    'system: s; system: t; user: a',
  ],
  'a system message at the end': [[...before, { role: 'system', content: 's' }], 'user: a; system: s'],
  'nothing but a system message': [[{ role: 'system', content: 's' }], 'system: s'],
  'two user messages': [[...before, ...before], 'user: a; user: a'],
  'an answer first': [[{ role: 'assistant', content: 'b' }, ...before], 'assistant: b; user: a'],
  'an answer last': [assistant({ content: 'b' }), 'user: a; assistant: b'],
  'a name': [[{ role: 'user', name: 'Ann', content: 'hi' }], 'user Ann: hi'],
  'an answer as an SDK dumps it': [
    assistant({ content: 'b', refusal: null, annotations: null, audio: null, function_call: null, tool_calls: null }),
    'user: a; assistant: b',
  ],
  'an answer with annotations': [assistant({ content: 'b', annotations: [] }), 'user: a; assistant: b'],
  'an answer with empty tool calls': [assistant({ content: 'b', tool_calls: [] }), 'user: a; assistant: b'],
  "an answer's thoughts": [assistant({ content: 'b', reasoning_content: 't' }), 'user: a; assistant: (t) b'],
  "an answer's thoughts, as vLLM and OpenRouter have them": [
    assistant({ content: 'b', reasoning: 't', reasoning_details: [{ type: 'reasoning.text', text: 't' }] }),
    'user: a; assistant: (t) b',
  ],
  "an answer's thoughts, as Ollama has them": [assistant({ content: 'b', thinking: 't' }), 'user: a; assistant: (t) b'],
  'the same thoughts under two names': [
    assistant({ content: 'b', reasoning: 't', reasoning_content: 't' }),
    'user: a; assistant: (t) b',
  ],
  'other thoughts under each name': [
    assistant({ content: 'b', reasoning: 't', reasoning_content: 'u' }),
    'invalid_request messages[1].reasoning_content',
  ],
  "a user's thoughts": [[{ role: 'user', content: 'a', reasoning: 't' }], 'invalid_request messages[0].reasoning'],
  'thoughts that are no text': [
    assistant({ content: 'b', reasoning_content: 5 }),
    'invalid_request messages[1].reasoning_content',
  ],
  'an answer of null': [assistant({ content: null }), 'user: a'],
  'an answer without content': [assistant({}), 'user: a'],
  'an empty answer': [assistant({ content: '' }), 'user: a'],
  'a refusal': [assistant({ content: null, refusal: 'no' }), 'user: a; assistant: no'],
  'a refusal as a part': [assistant({ content: [{ type: 'refusal', refusal: 'no' }] }), 'user: a; assistant: no'],
  'an answer of Responses': [
    assistant({ content: [{ type: 'output_text', text: 'b', annotations: [], logprobs: [] }] }),
    'user: a; assistant: b',
  ],
  "an answer's audio": [assistant({ content: 'b', audio: { id: 'a' } }), 'unsupported_parameter messages[1].audio'],
  'no part': [user(), 'user: '],
  'an empty text': [[{ role: 'user', content: '' }], 'user: '],
  null: [[{ role: 'user', content: null }], 'user: '],
  'an empty part': [user(text('')), 'user: '],
  'a part of Responses': [user({ type: 'input_text', text: 'b' }), 'user: b'],
  cache_control: [
    [{ role: 'user', cache_control: {}, content: [{ ...text('b'), cache_control: { type: 'ephemeral' } }] }],
    'user: b',
  ],
  'bookkeeping of a client': [[{ role: 'user', id: 'x', createdAt: '2026', content: 'hi' }], 'user: hi'],
  'content that is an object': [[{ role: 'user', content: {} }], 'invalid_request messages[0].content'],
  'content that is a number': [[{ role: 'user', content: 5 }], 'invalid_request messages[0].content'],
  'a part that is a text': [user('hi'), `invalid_request ${part}`],
  'no role': [[{ content: 'hi' }], 'invalid_request messages[0].role'],
  'a role in capitals': [[{ role: 'User', content: 'hi' }], 'invalid_request messages[0].role'],
  'a role of another model': [[{ role: 'human', content: 'hi' }], 'invalid_request messages[0].role'],
  'no message': [[], 'invalid_request messages'],
};

const images: Readonly<Record<string, [messages: unknown, outcome: string]>> = {
  'a URL': [user(text('b'), imageUrl({ url: data })), `user: b|[${data}]`],
  'an image first': [user(imageUrl({ url: data }), text('b')), `user: [${data}]|b`],
  'a bare URL': [user(imageUrl(data)), `user: [${data}]`],
  'white space round it': [user(imageUrl({ url: ` \n${data}\n` })), `user: [${data}]`],
  detail: [
    user(imageUrl({ url: data, detail: 'auto' }), imageUrl({ url: data, detail: 'original' })),
    `user: [${data}]|[${data}]`,
  ],
  'detail null': [user(imageUrl({ url: data, detail: null })), `user: [${data}]`],
  'an unknown detail': [user(imageUrl({ url: data, detail: 'medium' })), `invalid_request ${part}.image_url.detail`],
  'a uuid': [user(imageUrl({ url: data }, { uuid: 'x' })), `user: [${data}]`],
  'an SDK that dumps all keys': [
    user({ ...text('b'), image_url: null }, imageUrl({ url: data }, { text: null })),
    `user: b|[${data}]`,
  ],
  'bare base64': [user(imageUrl({ url: base64 })), `user: [${bare}]`],
  'bare base64 in lines': [
    user(imageUrl({ url: base64.replaceAll(/(.{20})/g, '$1\n') })),
    `user: [data:;base64,${base64.replaceAll(/(.{20})/g, '$1\n').trim()}]`,
  ],
  'base64 that is not said to be': [user(imageUrl({ url: `data:image/png,${base64}` })), `user: [${data}]`],
  'a percent-encoded image': [
    user(imageUrl({ url: 'data:image/png,%89PNG%0D%0A' })),
    'user: [data:image/png,%89PNG%0D%0A]',
  ],
  'a path': [user(imageUrl({ url: '/home/ann/cat.png' })), 'user: [/home/ann/cat.png]'],
  input_image: [user({ type: 'input_image', image_url: data, detail: 'low' }), `user: [${data}]`],
  'input_image of a file': [user({ type: 'input_image', file_id: 'f' }), `unsupported_parameter ${part}.file_id`],
  "Anthropic's, as base64": [
    user({ type: 'image', source: { type: 'base64', media_type: 'image/png', data: base64 } }),
    `user: [${bare}]`,
  ],
  "Anthropic's, as a URL": [user({ type: 'image', source: { type: 'url', url: 'http://a/' } }), 'user: [http://a/]'],
  "Anthropic's, as a file": [
    user({ type: 'image', source: { type: 'file', file_id: 'f' } }),
    `unsupported_parameter ${part}.source.file_id`,
  ],
  "Qwen's": [user({ type: 'image', image: data }), `user: [${data}]`],
  "Qwen's in base64": [user({ type: 'image', image: base64 }), `user: [${bare}]`],
  "Hugging Face's": [user({ type: 'image', url: 'http://a/' }), 'user: [http://a/]'],
  "Hugging Face's in base64": [user({ type: 'image', base64 }), `user: [${bare}]`],
  "Hugging Face's of a path": [user({ type: 'image', path: '/a' }), `unsupported_parameter ${part}.path`],
  "LangChain's": [
    user({ type: 'image', source_type: 'base64', data: base64, mime_type: 'image/png' }),
    `user: [${bare}]`,
  ],
  "Ollama's": [[{ role: 'user', content: 'b', images: [base64, data] }], `user: [${bare}]|[${data}]|b`],
  "Ollama's, none": [[{ role: 'user', content: 'b', images: null }], 'user: b'],
  "Ollama's, one that is no text": [
    [{ role: 'user', content: 'b', images: [5] }],
    'invalid_request messages[0].images[0]',
  ],
  "Ollama's, not a list": [[{ role: 'user', content: 'b', images: base64 }], 'invalid_request messages[0].images'],
  'no image': [user({ type: 'image' }), `invalid_request ${part}.image`],
  'two images in one part': [user({ type: 'image', image: data, url: data }), `invalid_request ${part}.url`],
  'two images in one source': [
    user({ type: 'image', source: { type: 'url', url: data, data: base64 } }),
    `invalid_request ${part}.source.data`,
  ],
  'an image in a text': [user({ ...text('b'), image_url: { url: data } }), `unsupported_parameter ${part}.image_url`],
  'an image beside the content': [
    [{ role: 'user', content: 'b', image_url: data }],
    'unsupported_parameter messages[0].image_url',
  ],
  attachments: [[{ role: 'user', content: 'b', attachments: [{}] }], 'unsupported_parameter messages[0].attachments'],
  'a size': [user(imageUrl({ url: data, max_pixels: 5 })), `user: [${data}]`],
  'a size beside the URL': [user(imageUrl({ url: data }, { min_pixels: 5 })), `user: [${data}]`],
  'a size in words': [user(imageUrl({ url: data, max_pixels: 'few' })), `invalid_request ${part}.image_url.max_pixels`],
  'a size of a kind that no processor has': [
    user(imageUrl({ url: data }, { resized_width: 5 })),
    `unsupported_parameter ${part}.resized_width`,
  ],
  'no size': [user(imageUrl({ url: data, max_pixels: null }, { min_pixels: null })), `user: [${data}]`],
  "LiteLLM's format": [user(imageUrl({ url: data, format: 'image/png' })), `user: [${data}]`],
  'in a system message': [[{ role: 'system', content: [imageUrl(data)] }, ...before], `system: [${data}]; user: a`],
  'in an answer': [assistant({ content: [imageUrl(data)] }), `user: a; assistant: [${data}]`],
  embeddings: [user({ type: 'image_embeds', image_embeds: 'x' }), `unsupported_parameter ${part}.type`],
  'a video in the place of an image': [
    user({ type: 'image_url', video_url: { url: data } }),
    `unsupported_parameter ${part}.video_url`,
  ],
  sound: [user({ type: 'input_audio', input_audio: {} }), `unsupported_parameter ${part}.type`],
  'a file beside the content': [
    [{ role: 'user', content: 'b', file: { file_data: data } }],
    'unsupported_parameter messages[0].file',
  ],
};

describe('messages', () => {
  it.each(Object.entries(conversations))('%s', (_, [messages, outcome]) => expect(outcomeOf(messages)).toBe(outcome));
});

describe('images', () => {
  it.each(Object.entries(images))('%s', (_, [messages, outcome]) => expect(outcomeOf(messages)).toBe(outcome));

  it('are not lost where unknown fields are ignored', () => {
    for (const [label, [messages, outcome]] of Object.entries(images)) {
      if (!outcome.startsWith('invalid_request')) expect([label, outcomeOf(messages, true)]).toEqual([label, outcome]);
    }
  });
});
