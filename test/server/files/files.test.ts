import { readFileSync } from 'node:fs';
import Anthropic from '@anthropic-ai/sdk';
import OpenAI, { toFile } from 'openai';
import type { ChatCompletionContentPart } from 'openai/resources';
import { describe, expect, it } from 'vitest';
import { pdfOf, textAt } from '../../support/pdf.ts';
import { send } from '../support/http.ts';
import type { TestServer } from '../support/serve.ts';
import { modelName, serve } from '../support/serve.ts';

const pages = pdfOf({ content: textAt(20, 60, 'One') }, { width: 100, height: 200 });
const grey = readFileSync(new URL('../../fixtures/images/grey.png', import.meta.url));

interface Failure {
  readonly error?: { readonly code?: string; readonly param?: string; readonly message: string };
}

const upload = async (client: OpenAI, bytes: Uint8Array, name: string): Promise<string> =>
  (await client.files.create({ file: await toFile(bytes, name), purpose: 'user_data' })).id;

/** What the model was shown in answer to parts of a chat. */
async function seen(client: OpenAI, ...content: object[]): Promise<string | null | undefined> {
  const parts = [...content, { type: 'text', text: 'What?' }] as ChatCompletionContentPart[];
  const { choices } = await client.chat.completions.create({ model: '', messages: [{ role: 'user', content: parts }] });
  return choices[0]?.message.content;
}

const boundary = 'between';
const part = (disposition: string, body: string, head = '') =>
  `--${boundary}\r\nContent-Disposition: form-data; ${disposition}\r\n${head}\r\n${body}\r\n`;
const file = (body: string, name = 'a.txt') => part(`name="file"; filename="${name}"`, body);
const field = (name: string, value: string) => part(`name="${name}"`, value);
const purpose = field('purpose', 'user_data');
const end = `--${boundary}--\r\n`;

async function sendForm(url: string, body: string, headers: Record<string, string> = {}) {
  const type = { 'content-type': `multipart/form-data; boundary=${boundary}` };
  const { status, text } = await send(`${url}/v1/files`, { method: 'POST', body, headers: { ...type, ...headers } });
  return { status, body: JSON.parse(text) as Failure & { id: string } };
}

it('what clients store is in the metrics', async () => {
  const { client, metricsUrl = '' } = await serve({ metricsPort: 0 });
  await upload(client, grey, 'grey.png');
  await client.responses.create({ model: '', input: 'Hi' });
  const { text } = await send(metricsUrl);
  expect(text).toContain(`vserve_stored_files 1\n`);
  expect(text).toContain(`vserve_stored_files_bytes ${String(grey.length)}\n`);
  expect(text).toContain('vserve_stored_responses 1\n');
  expect(text).toMatch(/vserve_stored_responses_bytes [1-9]/);
});

describe('a file that was uploaded', () => {
  it('is seen by its id in Chat Completions and Responses, until it is deleted', async () => {
    const { client } = await serve();
    const [document, picture] = [await upload(client, pages, 'a.pdf'), await upload(client, grey, 'grey.png')];
    const files = [document, picture].map((file_id) => ({ type: 'file', file: { file_id } }));
    expect(await seen(client, ...files)).toBe('[image 300x150] [image 150x300] [image 83x61] What?');
    expect(await seen(client, { type: 'file', file: { file_id: document, pages: '2' } })).toBe('[image 150x300] What?');
    const content = [
      { type: 'input_file' as const, file_id: document },
      { type: 'input_image' as const, file_id: picture, detail: 'auto' as const },
    ];
    const input = [{ role: 'user' as const, content }];
    const response = await client.responses.create({ model: '', input });
    expect(response.output_text).toBe('[image 300x150] [image 150x300] [image 83x61]');
    await client.files.delete(document);
    const gone = { status: 404, code: 'file_not_found' };
    await expect(seen(client, ...files)).rejects.toMatchObject({
      ...gone,
      param: 'messages[0].content[0].file.file_id',
    });
    await expect(client.responses.create({ model: '', input })).rejects.toMatchObject(gone);
    // What a response was asked is asked again where it is continued.
    const more = { model: '', input: 'And now?', previous_response_id: response.id };
    await expect(client.responses.create(more)).rejects.toMatchObject(gone);
    expect(await seen(client, { type: 'file', file: { file_id: picture } })).toBe('[image 83x61] What?');
  });

  it("is seen in Anthropic's Messages, uploaded by its own library", async () => {
    const { url } = await serve();
    const client = new Anthropic({ baseURL: url, apiKey: 'none', maxRetries: 0 });
    const document = await client.beta.files.upload({
      file: await toFile(pages, 'a.pdf', { type: 'application/pdf' }),
    });
    const picture = await client.beta.files.upload({ file: await toFile(grey, 'grey.png'), expires_in_seconds: 3600 });
    expect(document).toMatchObject({ type: 'file', filename: 'a.pdf', mime_type: 'application/pdf', expires_at: null });
    const ask = () =>
      client.beta.messages.create({
        model: modelName,
        max_tokens: 100,
        messages: [
          {
            role: 'user',
            content: [
              { type: 'document', source: { type: 'file', file_id: document.id } },
              { type: 'image', source: { type: 'file', file_id: picture.id } },
            ],
          },
        ],
      });
    const answer = JSON.stringify((await ask()).content);
    expect(answer).toMatch(/\[image 300x150\].*\[image 150x300\].*\[image 83x61\]/);
    const listed: string[] = [];
    for await (const { id } of client.beta.files.list({ limit: 1 })) listed.push(id);
    expect(listed).toEqual([picture.id, document.id]);
    expect(await client.beta.files.delete(picture.id)).toEqual({ id: picture.id, type: 'file_deleted' });
    await expect(ask()).rejects.toMatchObject({ status: 404, error: { error: { type: 'not_found_error' } } });
  });

  it('comes back as it was, and never as a page of the server', async () => {
    const { client, url } = await serve();
    const large = Buffer.alloc(3_000_001, 'x<script>');
    const id = await upload(client, large, 'page é.html');
    const content = await client.files.content(id);
    expect(Buffer.from(await content.arrayBuffer()).equals(large)).toBe(true);
    const { headers } = await send(`${url}/v1/files/${id}/content`, { headers: { authorization: 'Bearer none' } });
    expect(headers).toMatchObject({
      'content-type': 'application/octet-stream',
      'content-disposition': "attachment; filename*=UTF-8''page%20%C3%A9.html",
      'x-content-type-options': 'nosniff',
    });
  });

  it('comes back whatever it is called, and is listed in short', async () => {
    const { url } = await serve();
    const anthropic = { 'anthropic-version': '2023-06-01' };
    for (const [disposition, type, named] of [
      ["filename*=utf-16le''a%00%00%d8b%00", 'text/plain', 'ab'],
      ['filename="it\'s (1).txt"', 'text/\u0001plain', "it's (1).txt"],
      ['filename="a"', `text/${'x'.repeat(50_000)}`, 'a'],
    ] as const) {
      const form = purpose + part(`name="file"; ${disposition}`, 'bytes', `Content-Type: ${type}\r\n`) + end;
      const { status, body } = await sendForm(url, form);
      expect(status).toBe(200);
      const { text, headers } = await send(`${url}/v1/files/${body.id}/content`);
      expect(text).toBe('bytes');
      expect(headers['content-disposition']).toMatch(/^attachment; filename\*=UTF-8''[\w.%-]+$/);
      const listed = await send(`${url}/v1/files/${body.id}`, { headers: anthropic });
      const mime_type = type === 'text/plain' ? type : 'application/octet-stream';
      expect(JSON.parse(listed.text)).toMatchObject({ filename: named, mime_type });
    }
  });

  it('is listed with the others, page by page', async () => {
    const { client } = await serve();
    const ids: string[] = [];
    for (const name of ['a', 'b', 'c']) ids.push(await upload(client, Buffer.from(name), `${name}.txt`));
    const vision = await client.files.create({ file: await toFile(grey, 'grey.png'), purpose: 'vision' });
    const first = await client.files.list({ limit: 2 });
    expect(first.data.map(({ id }) => id)).toEqual([vision.id, ids[2]]);
    expect(first).toMatchObject({ has_more: true });
    const all: string[] = [];
    for await (const { id } of client.files.list({ limit: 2, order: 'asc' })) all.push(id);
    expect(all).toEqual([...ids, vision.id]);
    expect((await client.files.list({ purpose: 'vision' })).data).toEqual([vision]);
    expect(await client.files.retrieve(vision.id)).toEqual(vision);
    expect(vision).toMatchObject({ object: 'file', bytes: grey.length, filename: 'grey.png', status: 'processed' });
    await expect(client.files.list({ after: 'none' })).rejects.toMatchObject({ status: 400, param: 'after' });
  });

  it('is of the API key that it came with', async () => {
    const { url } = await serve({ settings: { apiKeys: ['one', 'two'] } });
    const [one, two] = ['one', 'two'].map((apiKey) => new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 }));
    const id = await upload(one as OpenAI, grey, 'grey.png');
    const gone = { status: 404, code: 'file_not_found' };
    await expect((two as OpenAI).files.retrieve(id)).rejects.toMatchObject(gone);
    await expect((two as OpenAI).files.content(id)).rejects.toMatchObject(gone);
    await expect((two as OpenAI).files.delete(id)).rejects.toMatchObject(gone);
    await expect(seen(two as OpenAI, { type: 'file', file: { file_id: id } })).rejects.toMatchObject(gone);
    expect((await (two as OpenAI).files.list()).data).toEqual([]);
    expect((await (one as OpenAI).files.list()).data).toMatchObject([{ id }]);
  });

  it('makes room for others, within the memory for all', async () => {
    const { client } = await serve({ settings: { maxStoredFileBytes: 100_000 } });
    const first = await upload(client, Buffer.alloc(60_000, 1), 'a.bin');
    const second = await upload(client, Buffer.alloc(60_000, 2), 'b.bin');
    await expect(client.files.retrieve(first)).rejects.toMatchObject({ status: 404 });
    await expect(upload(client, Buffer.alloc(100_001), 'c.bin')).rejects.toMatchObject({
      status: 413,
      code: 'request_too_large',
    });
    expect((await client.files.list()).data).toMatchObject([{ id: second }]);
  });

  it('may be a text, also for a model that cannot see, and is a document where it has pages', async () => {
    const { client } = await serve({ info: { capabilities: { vision: false } } });
    const id = await upload(client, Buffer.from('# Title'), 'a.md');
    expect(await seen(client, { type: 'file', file: { file_id: id } })).toBe('# Title What?');
    const document = await upload(client, pages, 'b.pdf');
    const part = { type: 'file', file: { file_id: document } };
    await expect(seen(client, part)).rejects.toMatchObject({ code: 'unsupported_capability' });
  });

  it('goes by its id in a place for pictures as what it is', async () => {
    const { client } = await serve();
    const document = await upload(client, pages, 'a.png');
    expect(await seen(client, { type: 'image_url', file_id: document })).toContain('[image 300x150] [image 150x300]');
    const text = await upload(client, Buffer.from('Hello'), 'a.png');
    await expect(seen(client, { type: 'image_url', file_id: text })).rejects.toMatchObject({ code: 'undecodable' });
    const pictured = { type: 'file', file: { file_id: await upload(client, grey, 'b.pdf'), pages: '1' } };
    await expect(seen(client, pictured)).rejects.toMatchObject({ code: 'unsupported_parameter' });
  });
});

const forms: Readonly<Record<string, [body: string, outcome: string]>> = {
  'no file': [purpose + end, '400 invalid_request file'],
  'an empty file': [purpose + file('') + end, '400 invalid_request file'],
  'two files': [purpose + file('a') + file('b') + end, '400 invalid_request file'],
  'a file in another field': [purpose + part('name="image"; filename="a"', 'x') + end, '400 invalid_request file'],
  'a file without a name': [purpose + field('file', 'x') + end, '400 invalid_request file'],
  'no purpose': [file('a') + end, '400 invalid_request purpose'],
  'a purpose that nothing here has': [field('purpose', 'batch') + file('a') + end, '400 unsupported_parameter purpose'],
  'an unknown purpose': [field('purpose', 'fun') + file('a') + end, '400 invalid_request purpose'],
  'an unknown field': [purpose + field('colour', 'red') + file('a') + end, '400 invalid_request colour'],
  'a field twice': [purpose + purpose + file('a') + end, '400 invalid_request '],
  'a long field': [field('purpose', 'x'.repeat(2000)) + file('a') + end, '400 invalid_request '],
  'a short life': [
    purpose + field('expires_after[anchor]', 'created_at') + field('expires_after[seconds]', '60') + file('a') + end,
    '400 invalid_request expires_after[seconds]',
  ],
  'another anchor': [
    purpose + field('expires_after[anchor]', 'used_at') + field('expires_after[seconds]', '3600') + file('a') + end,
    '400 invalid_request expires_after[anchor]',
  ],
  'thousands of parts': [`--${boundary}\r\n\r\n\r\n`.repeat(5000) + file('a') + end, '400 invalid_request '],
  'no end': [purpose + file('a'), '400 invalid_request '],
  'nothing but its end': [end, '400 invalid_request file'],
};

function outcomeOf({ status, body: { error } }: { status: number; body: Failure }): string {
  return `${String(status)} ${error?.code ?? ''} ${error?.param ?? ''}`;
}

describe('an upload that is not one is refused by name', () => {
  it('whatever is wrong with its form', async () => {
    const { url } = await serve();
    const outcomes: [string, string][] = [];
    for (const [name, [body]] of Object.entries(forms)) outcomes.push([name, outcomeOf(await sendForm(url, body))]);
    expect(outcomes).toEqual(Object.entries(forms).map(([name, [, outcome]]) => [name, outcome]));
    expect(JSON.parse((await send(`${url}/v1/files`)).text)).toMatchObject({ data: [] });
  });

  it('as JSON, without a boundary, and where no files are kept', async () => {
    const { url } = await serve();
    expect(outcomeOf(await sendForm(url, '{}', { 'content-type': 'application/json' }))).toBe(
      '415 unsupported_media_type ',
    );
    expect(outcomeOf(await sendForm(url, end, { 'content-type': 'multipart/form-data' }))).toBe('400 invalid_request ');
    const none: TestServer = await serve({ settings: { maxStoredFiles: 0 } });
    expect(outcomeOf(await sendForm(none.url, purpose + file('a') + end))).toBe('400 unsupported_capability ');
  });

  it('and one that says how long it is kept is told when it ends', async () => {
    const { url } = await serve();
    const life = field('expires_after[anchor]', 'created_at') + field('expires_after[seconds]', '3600');
    const { status, body } = await sendForm(url, purpose + life + file('a') + end);
    expect(status).toBe(200);
    const { created_at: from, expires_at: until } = body as unknown as { created_at: number; expires_at: number };
    expect(until - from).toBe(3600);
  });
});
