import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { BadRequestError } from 'openai';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Gate } from '../support/gate.ts';
import type { TestServer } from './support/serve.ts';
import { serve } from './support/serve.ts';

const folder = new URL('../fixtures/images/', import.meta.url);
const loopback = { allowedMediaHosts: ['127.0.0.1'] };

async function dataUri(name: string): Promise<string> {
  return `data:image/png;base64,${(await readFile(new URL(name, folder))).toString('base64')}`;
}

/** A server of images on 127.0.0.1; its URL. */
async function serveImages(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const images = createServer(answer).listen(0, '127.0.0.1');
  onTestFinished(() => {
    images.closeAllConnections();
    images.close();
  });
  await once(images, 'listening');
  return `http://127.0.0.1:${(images.address() as AddressInfo).port}`;
}

/** What the server says of these images, which stand in the second message, each behind a text. */
async function ask({ client }: Pick<TestServer, 'client'>, ...urls: string[]): Promise<string | null | undefined> {
  const parts = urls.flatMap((url) => [
    { type: 'text' as const, text: 'and' },
    { type: 'image_url' as const, image_url: { url } },
  ]);
  const completion = await client.chat.completions.create({
    model: '',
    messages: [
      { role: 'system', content: 'Look.' },
      { role: 'user', content: parts },
    ],
  });
  return completion.choices[0]?.message.content;
}

describe('images', () => {
  it('come from data, http and file URLs, in their places', async () => {
    const jpeg = await readFile(new URL('orientation-1.jpg', folder));
    const url = await serveImages((_, response) => response.end(jpeg));
    const server = await serve({ media: { ...loopback, allowedImageRoots: [fileURLToPath(folder)] } });
    const file = new URL('two-frames.gif', folder).href;
    expect(await ask(server, await dataUri('grey.png'), `${url}/a.jpg`, file)).toBe(
      'and [image 83x61] and [image 17x11] and [image 83x61]',
    );
  });

  it('are refused where the model cannot see, before anything is fetched', async () => {
    let fetches = 0;
    const url = await serveImages((_, response) => {
      fetches += 1;
      response.end();
    });
    const server = await serve({ info: { capabilities: { vision: false } }, media: loopback });
    const refused = ask(server, url);
    await expect(refused).rejects.toBeInstanceOf(BadRequestError);
    await expect(refused).rejects.toMatchObject({ code: 'unsupported_capability', param: 'messages[1].content[1]' });
    expect(fetches).toBe(0);
  });

  it('are counted before anything is fetched; the error names the first too many', async () => {
    let fetches = 0;
    const url = await serveImages((_, response) => {
      fetches += 1;
      response.end();
    });
    const server = await serve({ settings: { maxImagesPerRequest: 2 }, media: loopback });
    const picture = await dataUri('grey.png');
    const refused = ask(server, url, url, url, url);
    await expect(refused).rejects.toMatchObject({
      status: 400,
      code: 'too_many_images',
      param: 'messages[1].content[5]',
    });
    await expect(refused).rejects.toThrow(/has 4 images; the limit of this server is 2/);
    expect(fetches).toBe(0);
    expect(await ask(server, picture, picture)).toBe('and [image 83x61] and [image 83x61]');
    const none = await serve({ settings: { maxImagesPerRequest: 0 } });
    await expect(ask(none, picture)).rejects.toMatchObject({ param: 'messages[1].content[1]' });
  });

  it.each([
    ['undecodable', 'data:image/png;base64,AAAA'],
    ['bad_data_uri', 'data:image/png;base64'],
    ['bad_file_uri', 'file:///etc/passwd'],
    ['ssrf_blocked', 'http://127.0.0.1/'],
    ['bad_scheme', 'ftp://example.org/a.png'],
    ['malformed_url', 'a.png'],
  ])('that fail name their place: %s', async (code, url) => {
    const server = await serve();
    const failed = ask(server, await dataUri('grey.png'), url);
    await expect(failed).rejects.toBeInstanceOf(BadRequestError);
    await expect(failed).rejects.toMatchObject({ code, param: 'messages[1].content[3]' });
    expect(server.generateRequests).toEqual([]);
  });

  it('fail together: the first failure ends the fetch of the other', async () => {
    const asked = new Gate();
    const left = new Gate();
    const url = await serveImages(({ url: path }, response) => {
      if (path === '/broken') {
        void asked.opened.then(() => response.writeHead(404).end());
        return;
      }
      response.writeHead(200).write('a beginning');
      response.once('close', () => left.open());
      asked.open();
    });
    const server = await serve({ media: loopback });
    await expect(ask(server, `${url}/slow`, `${url}/broken`)).rejects.toMatchObject({
      code: 'fetch_status',
      param: 'messages[1].content[3]',
    });
    await left.opened;
    expect(server.generateRequests).toEqual([]);
  });
});
