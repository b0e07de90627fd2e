import { EventEmitter, once } from 'node:events';
import { readFile, realpath } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { RequestListener, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createServer as createTcpServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { createMediaResolver } from '../../src/media/index.ts';
import type { ImageSource, MediaSettings } from '../../src/media/index.ts';

const images = await realpath(fileURLToPath(new URL('../fixtures/images', import.meta.url)));
const signal = new AbortController().signal;
const param = 'messages[0].content[1]';

const settings: MediaSettings = {
  allowedImageRoots: [images],
  maxLocalImageBytes: 20 * 1024 * 1024,
  maxMediaBytes: 100 * 1024 * 1024,
  maxImagePixels: 10_000_000,
  maxDocumentPages: 10,
  documentPageSide: 300,
  maxVideoFrames: 8,
  maxVideoSeconds: 60,
  ffmpeg: 'ffmpeg',
  mediaTimeoutS: 60,
  ssrfProtectionEnabled: true,
  allowedMediaHosts: [],
};
const media = createMediaResolver(settings);
afterAll(() => media.close());

const dataUri = (bytes: Buffer): string => `data:;base64,${bytes.toString('base64')}`;
const png = (width: number, height: number): Promise<Buffer> =>
  sharp({ create: { width, height, channels: 3, background: '#123456' } })
    .png()
    .toBuffer();

/** A server of images on 127.0.0.1; its URL. */
async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('createMediaResolver', () => {
  it('gives the same bitmap for a file and its data', async () => {
    const resolveImage = media.forRequest();
    const fromFile = await resolveImage(`file://${images}/palette.bmp`, { param, signal });
    const fromData = await resolveImage(dataUri(await readFile(`${images}/palette.bmp`)), { param, signal });
    expect(fromFile).toMatchObject({ width: 17, height: 11 });
    expect(fromFile.rgb).toHaveLength(17 * 11 * 3);
    expect(fromData).toEqual(fromFile);
  });

  it.each([' ', '\n', '\t \r\n'])('takes a URL with white space around it (%j)', async (space) => {
    const file = await png(3, 2);
    const url = await serve((_, response) => response.end(file));
    const local = createMediaResolver({ ...settings, allowedMediaHosts: ['127.0.0.1'] });
    onTestFinished(() => local.close());
    const around = (text: string): string => `${space}${text}${space}`;
    const encoded = dataUri(file);
    const sources: ImageSource[] = [
      around(url),
      around(encoded),
      around(`file://${images}/palette.bmp`),
      { pieces: [new TextEncoder().encode(around(encoded))] },
    ];
    for (const source of sources) {
      expect((await local.forRequest()(source, { param, signal })).width).toBeGreaterThan(2);
    }
  });

  it.each([
    ['picture.png', 'malformed_url'],
    ['', 'malformed_url'],
    ['ftp://example.com/a.png', 'bad_scheme'],
    ['javascript:alert(1)', 'bad_scheme'],
    ['http://127.0.0.1/a.png', 'ssrf_blocked'],
    ['file:///etc/passwd', 'bad_file_uri'],
    ['data:image/png;base64,*', 'bad_data_uri'],
    ['data:image/png;base64,AAAA', 'undecodable'],
  ])('names the part at fault: %s', async (url, code) => {
    await expect(media.forRequest()(url, { param, signal })).rejects.toMatchObject({ code, param });
  });

  it('holds the images of a request together to twice the budget, decoded', async () => {
    const small = createMediaResolver({ ...settings, maxMediaBytes: 100 * 100 * 3 });
    const image = dataUri(await png(100, 100));
    const resolveImage = small.forRequest();
    const results = await Promise.allSettled([image, image, image].map((url) => resolveImage(url, { param, signal })));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(2);
    expect(results.find(({ status }) => status === 'rejected')).toMatchObject({
      reason: { code: 'decode_too_large', param },
    });
    await expect(small.forRequest()(image, { param, signal })).resolves.toMatchObject({ width: 100 });
    await small.close();
  });

  it('holds the images of a request together to the budget, encoded', async () => {
    const image = dataUri(await readFile(`${images}/32bit.bmp`));
    const bytes = Buffer.from(image.slice(image.indexOf(',') + 1), 'base64').length;
    const small = createMediaResolver({ ...settings, maxMediaBytes: bytes });
    const resolveImage = small.forRequest();
    await resolveImage(image, { param, signal });
    await expect(resolveImage(image, { param, signal })).rejects.toMatchObject({ code: 'over_budget', param });
    await small.close();
  });

  it('throws the reason of an abort', async () => {
    const controller = new AbortController();
    const resolving = media.forRequest()(dataUri(await png(2000, 2000)), { param, signal: controller.signal });
    controller.abort('gone');
    await expect(resolving).rejects.toBe('gone');
  });

  it('fails what is being decoded when it is closed, and a second close does nothing', async () => {
    const closing = createMediaResolver(settings);
    await closing.forRequest()(dataUri(await png(1, 1)), { param, signal });
    const resolving = closing.forRequest()(`file://${images}/palette.bmp`, { param, signal });
    const settled = Promise.allSettled([resolving]);
    await closing.close();
    await closing.close();
    await settled;
  });

  it.each([
    ['its body', '\r\n', 'x'],
    ['its head', '', 'x: y\r\n'],
  ])('gives up on images that take too long over all, though %s keeps coming', async (_, end, piece) => {
    let closed: Promise<unknown> = Promise.resolve();
    const slow = createTcpServer((socket) => {
      closed = new Promise((resolve) => socket.once('close', resolve));
      socket.on('error', () => undefined);
      socket.write(`HTTP/1.1 200 OK\r\n${end}`);
      const timer = setInterval(() => socket.write(piece), 5);
      socket.once('close', () => clearInterval(timer));
    }).listen(0, '127.0.0.1');
    onTestFinished(() => void slow.close());
    await once(slow, 'listening');
    const url = `http://127.0.0.1:${(slow.address() as AddressInfo).port}/`;
    const hurried = createMediaResolver({ ...settings, mediaTimeoutS: 0.1, allowedMediaHosts: ['127.0.0.1'] });
    await expect(hurried.forRequest()(url, { param, signal })).rejects.toMatchObject({
      code: 'fetch_timeout',
      param,
      message: expect.stringContaining('--media-timeout-s') as string,
    });
    await closed;
    await hurried.close();
  });

  it.each([
    ['eight images of a request', 1, 16, 8],
    ['64 images of all requests', 10, 8, 64],
  ])('fetches %s at a time', async (_, requests, images, limit) => {
    const picture = await png(1, 1);
    const waiting: ServerResponse[] = [];
    let most = 0;
    let isOpen = false;
    const arrivals = new EventEmitter();
    const url = await serve((request, response) => {
      if (isOpen || request.url === '/probe') {
        response.end(picture);
      } else {
        most = Math.max(most, waiting.push(response));
        if (most === limit) arrivals.emit('limit');
      }
    });
    const full = once(arrivals, 'limit');
    const local = createMediaResolver({ ...settings, allowedMediaHosts: ['127.0.0.1'] });
    const other = createMediaResolver({ ...settings, allowedMediaHosts: ['127.0.0.1'] });
    const resolving = Array.from({ length: requests }, () => local.forRequest()).flatMap((resolveImage, request) =>
      Array.from({ length: images }, (__, i) => resolveImage(`${url}/${request}/${i}`, { param, signal })),
    );
    await full;
    // Whatever else was sent before this has come when this is answered.
    await other.forRequest()(`${url}/probe`, { param, signal });
    expect(most).toBe(limit);
    isOpen = true;
    for (const response of waiting) response.end(picture);
    expect(await Promise.all(resolving)).toHaveLength(requests * images);
    await Promise.all([local.close(), other.close()]);
  });

  it.each([
    ['data', 'data:image/png;name=a;base64,c2VjcmV0', 'data:image/png;name=a;base64,…'],
    ['data without a comma', 'data:image/png;base64c2VjcmV0', 'data:,…'],
    ['data without a media type', `data:${'c2VjcmV0/'.repeat(300)}`, 'data:,…'],
    ['a query', 'http://127.0.0.1/a.png?secret#secret', 'http://127.0.0.1/a.png'],
    ['a password', 'http://user:secret@127.0.0.1/a.png', 'http://127.0.0.1/a.png'],
    ['a URL that is none', 'http://[secret', 'no URL of a known kind'],
    ['a line break', 'file:///a\nb', 'file:///a?b'],
    ['what follows a file', 'file:///a?secret#secret', 'file:///a'],
    ['any other text', 'secret', 'no URL of a known kind'],
  ])('gives the log no secret of a source: %s', async (_, url, detail) => {
    await expect(media.forRequest()(url, { param, signal })).rejects.toMatchObject({ detail });
  });

  it('tells the log, and the log only, which source failed', async () => {
    const failed = media.forRequest()('http://127.0.0.1/a.png?secret', { param, signal });
    await expect(failed).rejects.toMatchObject({ detail: 'http://127.0.0.1/a.png' });
    await expect(failed).rejects.not.toThrow(/127/);
  });
});
