import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { send } from './support/http.ts';
import { serve } from './support/serve.ts';

const base64 = readFileSync(new URL('../fixtures/images/grey.png', import.meta.url)).toString('base64');
const data = `data:image/png;base64,${base64}`;
const text = { type: 'text', text: 'What is it?' };
const image = { type: 'image_url', image_url: { url: data } };
const part = (given: unknown) => ({ messages: [{ role: 'user', content: [given, text] }] });
const message = (given: object) => ({ messages: [{ role: 'user', content: 'What is it?', ...given }] });
const first = 'messages[0].content[0]';

/** Requests that bring an image where it would not be seen, and what names the place. */
const chat: readonly (readonly [what: string, body: object, code: string, param: string])[] = [
  ['images of Ollama beside the messages', { ...message({}), images: [base64] }, 'unsupported_parameter', 'images'],
  ['image_url beside the messages', { ...message({}), image_url: data }, 'unsupported_parameter', 'image_url'],
  ['attachments', { ...message({}), attachments: [{ url: data }] }, 'unsupported_parameter', 'attachments'],
  ['image in a message', message({ image: data }), 'unsupported_parameter', 'messages[0].image'],
  ['image_url in a message', message({ image_url: { url: data } }), 'unsupported_parameter', 'messages[0].image_url'],
  ['images that are one', message({ images: base64 }), 'invalid_request', 'messages[0].images'],
  ['images that are objects', message({ images: [{ url: data }] }), 'invalid_request', 'messages[0].images[0]'],
  ['content that is a part', message({ content: image }), 'invalid_request', 'messages[0].content'],
  ['a data URI among the parts', part(data), 'invalid_request', first],
  ['a data URI as a text', part({ type: 'text', text: data }), 'invalid_request', `${first}.text`],
  ['a data URI as the content', message({ content: `  ${data}\n` }), 'invalid_request', 'messages[0].content'],
  ['base64 as a text', part({ type: 'text', text: base64 }), 'invalid_request', `${first}.text`],
  ['a part without a type', part({ image_url: { url: data } }), 'invalid_request', `${first}.type`],
  ['a part of an unknown type', part({ type: 'img', url: data }), 'unsupported_parameter', `${first}.type`],
  ['an image in a text', part({ ...text, image_url: { url: data } }), 'unsupported_parameter', `${first}.image_url`],
  ['an image part without one', part({ type: 'image_url' }), 'invalid_request', `${first}.image_url`],
  ['a number for a URL', part({ type: 'image_url', image_url: 5 }), 'invalid_request', `${first}.image_url`],
  ['a list of URLs', part({ type: 'image_url', image_url: [data] }), 'invalid_request', `${first}.image_url`],
  ['an object without a URL', part({ type: 'image_url', image_url: {} }), 'invalid_request', `${first}.image_url.url`],
  [
    'a URL within a URL',
    part({ type: 'image_url', image_url: { url: { url: data } } }),
    'invalid_request',
    `${first}.image_url.url`,
  ],
  ['two images in a part', part({ ...image, image: data }), 'invalid_request', `${first}.image`],
  ['a file id that is none', part({ type: 'image', file_id: {} }), 'invalid_request', `${first}.file_id`],
  ['a path', part({ type: 'image', path: '/tmp/a.png' }), 'unsupported_parameter', `${first}.path`],
  ['a file id in a text', part({ ...text, file_id: 'file-1' }), 'unsupported_parameter', `${first}.file_id`],
  ['file ids in a message', message({ file_ids: ['file-1'] }), 'unsupported_parameter', 'messages[0].file_ids'],
  ['frames in a text', part({ ...text, frames: [data] }), 'unsupported_parameter', `${first}.frames`],
  [
    'a source of another type',
    part({ type: 'image', source: { type: 'content', content: '1' } }),
    'unsupported_parameter',
    `${first}.source`,
  ],
  [
    'a source without data',
    part({ type: 'image', source: { type: 'base64', media_type: 'image/png' } }),
    'invalid_request',
    `${first}.source.data`,
  ],
  [
    'an unknown detail',
    part({ type: 'image_url', image_url: { url: data, detail: 'ultra' } }),
    'invalid_request',
    `${first}.image_url.detail`,
  ],
  [
    'details that contradict each other',
    part({ type: 'image_url', detail: 'low', image_url: { url: data, detail: 'high' } }),
    'invalid_request',
    `${first}.detail`,
  ],
  [
    'a number of pixels that is none',
    part({ type: 'image_url', image_url: { url: data, max_pixels: 'many' } }),
    'invalid_request',
    `${first}.image_url.max_pixels`,
  ],
  [
    'bounds that cross',
    part({ type: 'image_url', image_url: { url: data, min_pixels: 9, max_pixels: 4 } }),
    'invalid_request',
    `${first}.image_url.min_pixels`,
  ],
  ['a text in base64', part({ type: 'image_url', image_url: 'data:;base64,SGVsbG8=' }), 'undecodable', first],
  ['no bytes', part({ type: 'image_url', image_url: 'data:image/png;base64,' }), 'bad_data_uri', first],
  ['another scheme', part({ type: 'image_url', image_url: 'ftp://localhost/a.png' }), 'bad_scheme', first],
  ['a name', part({ type: 'image_url', image_url: 'a.png' }), 'malformed_url', first],
  ['settings that are none', { ...part(image), mm_processor_kwargs: 5 }, 'invalid_request', 'mm_processor_kwargs'],
];

describe('an image that would not be seen is an error that names it, not an answer', () => {
  it.each(chat)('%s', async (_, body, code, param) => {
    const { url } = await serve({ settings: { allowExtraRequestFields: true } });
    const answer = await send(`${url}/v1/chat/completions`, { method: 'POST', body: JSON.stringify(body) });
    const { error } = JSON.parse(answer.text) as { error?: { code: string; param: string } };
    expect([answer.status, error?.code]).toEqual([400, code]);
    expect(error?.param).toContain(param);
  });

  it.each([
    ['/v1/responses', { input: [{ role: 'user', content: [{ type: 'input_text', text: data }] }] }],
    ['/v1/responses', { input: 'What is it?', images: [base64] }],
    ['/v1/messages', { max_tokens: 5, messages: [{ role: 'user', content: [image] }] }],
    ['/v1/messages', { max_tokens: 5, images: [base64], messages: [{ role: 'user', content: 'What is it?' }] }],
    ['/v1/messages', { max_tokens: 5, messages: [{ role: 'user', content: [{ type: 'text', text: data }] }] }],
    ['/v1/completions', { prompt: 'What is it?', images: [base64] }],
    ['/v1/completions', { prompt: { prompt_string: 'What is it?', multimodal_data: [base64] } }],
    ['/api/chat', { messages: [{ role: 'user', content: 'What is it?', images: base64 }] }],
    ['/api/generate', { prompt: 'What is it?', images: [{ url: data }] }],
  ])('at %s: %j', async (path, body) => {
    const { url } = await serve({ settings: { allowExtraRequestFields: true } });
    const headers = { 'anthropic-version': '2023-06-01' };
    const answer = await send(`${url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
    expect(answer.status).toBe(400);
    expect(answer.text).toMatch(/image|multimodal_data|text/);
  });

  it('but a text about one is a text', async () => {
    const { url } = await serve();
    for (const given of [`Look at ${data}`, `<img src="${data}">`, 'data:image/png;base64,', base64.slice(0, 30)]) {
      const body = JSON.stringify(message({ content: given }));
      expect((await send(`${url}/v1/chat/completions`, { method: 'POST', body })).status).toBe(200);
    }
  });
});
