import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { scriptedModel } from './support/scripted-model.ts';
import type { TestServer } from './support/serve.ts';
import { serve, serveModel } from './support/serve.ts';

async function post({ url }: TestServer, path: string, body: object) {
  const response = await fetch(url + path, { method: 'POST', body: JSON.stringify(body) });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

async function picture(width: number, height: number): Promise<string> {
  const png = await sharp({ create: { width, height, channels: 3, background: '#ff0000' } })
    .png()
    .toBuffer();
  return `data:image/png;base64,${png.toString('base64')}`;
}

describe('tokenizing', () => {
  it("answers in llama-server's form and in vLLM's", async () => {
    const server = await serve();
    const plain = await post(server, '/tokenize', { content: 'one two one ' });
    expect(plain.body).toEqual({ tokens: [0, 1, 0], count: 3, max_model_len: 8192 });
    const pieces = await post(server, '/tokenize', { content: 'one two', with_pieces: true });
    expect(pieces.body).toMatchObject({
      tokens: [
        { id: 0, piece: 'one ' },
        { id: 2, piece: 'two' },
      ],
    });
    const vllm = await post(server, '/tokenize', { model: '', prompt: 'one two', return_token_strs: true });
    expect(vllm.body).toMatchObject({ tokens: [0, 2], count: 2, token_strs: ['one ', 'two'] });
  });

  it('gives the text back', async () => {
    const server = await serve();
    const text = 'Où est\n le  chat ? 🙂';
    const { body } = await post(server, '/tokenize', { content: text });
    const back = await post(server, '/detokenize', { tokens: body['tokens'] });
    expect(back.body).toEqual({ content: text, prompt: text });
  });

  it('takes texts and tokens mixed, and conversations', async () => {
    const server = await serve();
    expect((await post(server, '/tokenize', { content: ['a ', 0, 'b'] })).body['tokens']).toEqual([0, 0, 1]);
    const messages = [{ role: 'user', content: 'a b' }];
    expect((await post(server, '/tokenize', { messages, add_special_tokens: false })).body['tokens']).toEqual([0, 1]);
  });

  it('takes a text of any length', async () => {
    const server = await serve();
    const words = 200_000;
    const { body } = await post(server, '/tokenize', { content: 'a b '.repeat(words / 2) });
    expect(body).toMatchObject({ count: words, tokens: expect.objectContaining({ length: words }) as unknown });
  });

  it('tells no more pieces than it can without holding others up', async () => {
    const server = await serve();
    const content = 'a '.repeat(131_073);
    const { status, body } = await post(server, '/tokenize', { content, with_pieces: true });
    expect({ status, body }).toMatchObject({ status: 400, body: { error: { param: 'content' } } });
    expect((await post(server, '/tokenize', { content: content.slice(2), with_pieces: true })).status).toBe(200);
  });

  it('says what is wrong', async () => {
    const server = await serve();
    const unknown = await post(server, '/detokenize', { tokens: [7] });
    expect(unknown).toMatchObject({ status: 400, body: { error: { message: 'The model has no token 7.' } } });
    const bad = await post(server, '/tokenize', { content: ['a', -1] });
    expect(bad).toMatchObject({ status: 400, body: { error: { param: 'content[1]' } } });
    const other = await post(server, '/tokenize', { content: 'a', model: 'another' });
    expect(other).toMatchObject({ status: 404, body: { error: { code: 'model_not_found' } } });
    const content = [{ type: 'image_url', image_url: { url: await picture(2, 2) } }];
    const image = await post(server, '/tokenize', { messages: [{ role: 'user', content }] });
    expect(image).toMatchObject({ status: 400, body: { error: { param: 'messages[0].content[0]' } } });
  });
});

describe('counting', () => {
  it('counts what a generation reports, images by the size in their header', async () => {
    const server = await serve();
    const content = [
      { type: 'text', text: 'what is this' },
      { type: 'image_url', image_url: { url: await picture(30, 20) } },
    ];
    const body = { messages: [{ role: 'user', content }] };
    const counted = await post(server, '/v1/chat/completions/input_tokens', body);
    expect(counted.body).toEqual({ object: 'response.input_tokens', input_tokens: 4 });
    const answered = await post(server, '/v1/chat/completions', body);
    expect(answered.body).toMatchObject({ usage: { prompt_tokens: 4 } });
    expect(await post(server, '/chat/completions/input_tokens', body)).toEqual(counted);
  });

  it('names an image that cannot be had', async () => {
    const server = await serve();
    const content = [{ type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } }];
    const { status, body } = await post(server, '/v1/chat/completions/input_tokens', {
      messages: [{ role: 'user', content }],
    });
    expect({ status, body }).toMatchObject({
      status: 400,
      body: { error: { code: 'undecodable', param: 'messages[0].content[0]' } },
    });
  });

  it('is refused by a backend that cannot count', async () => {
    const server = await serveModel(scriptedModel({ text: 'A.' }));
    const { status, body } = await post(server, '/v1/chat/completions/input_tokens', {
      messages: [{ role: 'user', content: 'a' }],
    });
    expect({ status, body }).toMatchObject({ status: 400, body: { error: { code: 'unsupported_capability' } } });
  });
});

describe('rendering', () => {
  it('shows the prompt with a marker for each image, which is not fetched', async () => {
    const server = await serve();
    const content = [
      { type: 'text', text: 'what is this' },
      { type: 'image_url', image_url: { url: 'https://nowhere.invalid/a.png' } },
    ];
    const { body } = await post(server, '/apply-template', { messages: [{ role: 'user', content }] });
    expect(body).toEqual({ prompt: 'what is this <__image__>' });
  });
});
