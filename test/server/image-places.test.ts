import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { send } from './support/http.ts';
import { serve } from './support/serve.ts';

const folder = new URL('../fixtures/images/', import.meta.url);
const base64 = readFileSync(new URL('grey.png', folder)).toString('base64');
/** 12 kB in base64 several times over: long enough to be kept out of the JSON. */
const long = base64 + ' '.repeat(100_000);
const data = `data:image/png;base64,${base64}`;
const text = { type: 'text', text: 'seen' };

const messages: Readonly<Record<string, object>> = {
  "OpenAI's": { content: [{ type: 'image_url', image_url: { url: data } }, text] },
  "OpenAI's, in base64": { content: [{ type: 'image_url', image_url: { url: base64 } }, text] },
  "OpenAI's, long and in base64": { content: [{ type: 'image_url', image_url: { url: long } }, text] },
  "Responses'": { content: [{ type: 'input_image', image_url: data }, text] },
  "Anthropic's": { content: [{ type: 'image', source: { type: 'base64', data: base64 } }, text] },
  "Qwen's": { content: [{ type: 'image', image: data }, text] },
  "Ollama's": { content: 'seen', images: [base64] },
  "Ollama's, long": { content: 'seen', images: [long] },
};

describe('an image', () => {
  it.each(Object.entries(messages))('is seen at %s place', async (_, message) => {
    const { url } = await serve();
    const body = JSON.stringify({ messages: [{ role: 'user', ...message }] });
    const answer = await send(`${url}/v1/chat/completions`, { method: 'POST', body });
    expect(answer.text).toMatch(/"content":"\[image \d+x\d+\] seen"/);
  });

  it.each([
    ['messages[0].image', { content: 'seen', image: data }],
    ['messages[0].content[0].image_url', { content: [{ ...text, image_url: { url: data } }] }],
  ])('is not lost at %s', async (param, message) => {
    const { url } = await serve({ settings: { allowExtraRequestFields: true } });
    const body = JSON.stringify({ messages: [{ role: 'user', ...message }] });
    const answer = await send(`${url}/v1/chat/completions`, { method: 'POST', body });
    expect([answer.status, JSON.parse(answer.text)]).toMatchObject([400, { error: { param } }]);
  });
});
