import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createServer as createTcpServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { HttpSource } from '../../src/media/http-source.ts';
import type { HttpSourceOptions } from '../../src/media/http-source.ts';
import { MediaBudget } from '../../src/media/media-budget.ts';

const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  await Promise.all(cleanups.splice(0).map((cleanup) => cleanup()));
});

async function serve(listener: RequestListener): Promise<{ url: string; port: number }> {
  const server: Server = createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, port };
}

interface ReadOptions extends Partial<HttpSourceOptions> {
  maxBytes?: number;
  signal?: AbortSignal;
}

async function read(
  url: string,
  { maxBytes = 1_000_000, signal = new AbortController().signal, ...options }: ReadOptions = {},
) {
  const source = new HttpSource({ ssrfProtectionEnabled: true, allowedMediaHosts: ['127.0.0.1'], ...options });
  const { pieces } = await source.read(url, { budget: new MediaBudget(maxBytes), signal });
  return Buffer.concat(pieces).toString();
}

/** Redirects /3 to /2 to /1 to /0, which answers. */
function countdown(request: IncomingMessage, response: ServerResponse): void {
  const left = Number(request.url?.slice(1));
  if (left === 0) response.end('arrived');
  else response.writeHead(302, { location: `/${left - 1}` }).end('moved');
}

describe('HttpSource', () => {
  it('fetches, asking for the bytes as they are', async () => {
    let headers: IncomingMessage['headers'] = {};
    const { url } = await serve((request, response) => {
      ({ headers } = request);
      response.end('picture');
    });
    expect(await read(`${url}/a.png?x=1`)).toBe('picture');
    expect(headers).toMatchObject({
      accept: expect.stringMatching(/^image\//) as string,
      'accept-encoding': 'identity',
    });
  });

  it('connects to the address that was checked, with the host name of the URL', async () => {
    let host: string | undefined;
    const { port } = await serve((request, response) => {
      host = request.headers.host;
      response.end('picture');
    });
    const asked: string[] = [];
    const lookup = ((name: string, _options: unknown, callback: (error: null, found: unknown[]) => void) => {
      asked.push(name);
      callback(null, [{ address: '127.0.0.1', family: 4 }]);
    }) as unknown as HttpSourceOptions['lookup'];
    expect(await read(`http://pictures.example:${port}/`, { lookup })).toBe('picture');
    expect(host).toBe(`pictures.example:${port}`);
    expect(asked).toEqual(['pictures.example']);
    await expect(read(`http://pictures.example:${port}/`, { lookup, allowedMediaHosts: [] })).rejects.toMatchObject({
      code: 'ssrf_blocked',
    });
  });

  it.each(['127.0.0.1', '127.1', '2130706433', '0x7f.1', '[::1]', '[::ffff:127.0.0.1]', 'localhost'])(
    'does not connect to %s unless it is allowed',
    async (host) => {
      let requests = 0;
      const { port } = await serve((_, response) => {
        requests += 1;
        response.end();
      });
      const reading = read(`http://${host}:${port}/`, { allowedMediaHosts: [] });
      await expect(reading).rejects.toMatchObject({ code: 'ssrf_blocked' });
      await expect(reading).rejects.not.toThrow(/127|::1/);
      expect(requests).toBe(0);
    },
  );

  it.each([
    ['UTF-8', Buffer.from('/ünï.png')],
    ['Latin-1', Buffer.from('/ünï.png', 'latin1')],
    ['escapes', Buffer.from('/%C3%BCn%C3%AF.png')],
  ])('follows a redirect in %s', async (_, location) => {
    let asked = '';
    const server = createTcpServer((socket) => {
      socket.once('data', (head) => {
        asked = /^GET (\S+)/.exec(head.toString())?.[1] ?? '';
        const found = 'HTTP/1.1 200 OK\r\ncontent-length: 7\r\nconnection: close\r\n\r\npicture';
        const moved = Buffer.concat([
          Buffer.from('HTTP/1.1 302 Found\r\nlocation: '),
          location,
          Buffer.from('\r\ncontent-length: 0\r\nconnection: close\r\n\r\n'),
        ]);
        socket.end(asked === '/' ? moved : found);
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    cleanups.push(async () => void server.close());
    const { port } = server.address() as AddressInfo;
    expect(await read(`http://127.0.0.1:${port}/`)).toBe('picture');
    expect(asked).toBe('/%C3%BCn%C3%AF.png');
  });

  it('follows four redirects and no fifth', async () => {
    const { url } = await serve(countdown);
    expect(await read(`${url}/4`)).toBe('arrived');
    await expect(read(`${url}/5`)).rejects.toMatchObject({ code: 'too_many_redirects' });
  });

  it.each([
    ['to an address that is blocked', 'http://127.0.0.2:1/', 'ssrf_blocked'],
    ['to another private address', 'http://[::1]:1/', 'ssrf_blocked'],
    ['to the metadata service', 'http://169.254.169.254/latest/', 'ssrf_blocked'],
    ['to the port of another protocol', 'http://127.0.0.1:25/', 'ssrf_blocked'],
    ['to a file', 'file:///etc/passwd', 'bad_redirect'],
    ['to data', 'data:,x', 'bad_redirect'],
    ['with a password', 'http://user:pass@example.com/', 'bad_redirect'],
    ['to nonsense', 'http://[', 'bad_redirect'],
    ['nowhere', undefined, 'bad_redirect'],
  ])('refuses a redirect %s', async (_, location, code) => {
    const { url } = await serve((_request, response) => {
      response.writeHead(301, location === undefined ? {} : { location }).end('x'.repeat(100_000));
    });
    await expect(read(url)).rejects.toMatchObject({ code });
  });

  it.each([404, 500, 204 + 100])('tells of status %i', async (status) => {
    const { url } = await serve((_, response) => response.writeHead(status).end('x'.repeat(100_000)));
    await expect(read(url)).rejects.toMatchObject({
      code: 'fetch_status',
      message: expect.stringContaining(String(status)) as string,
    });
  });

  it.each([
    ['http://', 'no_host'],
    ['https:///a.png', 'no_host'],
    ['http://?x', 'no_host'],
    ['http://[::1', 'malformed_url'],
    ['http://a b/', 'malformed_url'],
    ['http://example.com:99999/', 'malformed_url'],
    ['http://user:password@example.com/', 'malformed_url'],
  ])('refuses %s', async (url, code) => {
    await expect(read(url)).rejects.toMatchObject({ code });
  });

  it('refuses an announced size without reading', async () => {
    const { url } = await serve((_, response) => {
      response.writeHead(200, { 'content-length': 1001 });
      response.flushHeaders();
    });
    await expect(read(url, { maxBytes: 1000 })).rejects.toMatchObject({ code: 'over_budget' });
  });

  it('counts what arrives, and stops an answer that does not end', async () => {
    const { url } = await serve((_, response) => {
      const more = (): void => {
        while (response.write('x'.repeat(1000)));
        response.once('drain', more);
      };
      more();
    });
    await expect(read(url, { maxBytes: 100_000 })).rejects.toMatchObject({ code: 'over_budget' });
  });

  it('takes exactly the budget', async () => {
    const { url } = await serve((_, response) => {
      response.write('12345');
      response.end('67890');
    });
    expect(await read(url, { maxBytes: 10 })).toBe('1234567890');
    await expect(read(url, { maxBytes: 9 })).rejects.toMatchObject({ code: 'over_budget' });
  });

  it('fails when the answer is shorter than announced', async () => {
    const { url } = await serve((_, response) => {
      response.writeHead(200, { 'content-length': 100 });
      response.write('short', () => response.destroy());
    });
    await expect(read(url)).rejects.toMatchObject({ code: 'fetch_transport' });
  });

  it('does not say where a connection failed', async () => {
    const server = createTcpServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, 'close');
    const reading = read(`http://localhost:${port}/`, { allowedMediaHosts: ['localhost'] });
    await expect(reading).rejects.toMatchObject({
      code: 'fetch_transport',
      message: expect.stringContaining('ECONNREFUSED') as string,
    });
    await expect(reading).rejects.not.toThrow(/127|::1|localhost/);
  });

  it('tells of a host name without an address', async () => {
    await expect(read('http://does-not-exist.invalid/')).rejects.toMatchObject({ code: 'dns_failure' });
  });

  it('stops when it is aborted, before the answer and in the middle of it', async () => {
    const beforeAnswer = new AbortController();
    const silent = await serve(() => beforeAnswer.abort('gone'));
    await expect(read(silent.url, { signal: beforeAnswer.signal })).rejects.toBe('gone');

    const inAnswer = new AbortController();
    let closed: Promise<unknown> = Promise.resolve();
    const slow = await serve((_, response) => {
      closed = once(response, 'close');
      response.write('a piece', () => inAnswer.abort('gone'));
    });
    await expect(read(slow.url, { signal: inAnswer.signal })).rejects.toBe('gone');
    await closed;
  });

  const patient = { timeouts: { connectMs: 60_000, idleMs: 60_000 } };

  it('stops when it is aborted in the middle of a handshake, and leaves no connection', async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const ends: Promise<unknown>[] = [];
    const server = createTcpServer((socket) => {
      ends.push(once(socket.resume(), 'close'));
      controller.abort('gone');
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    await expect(read(`https://127.0.0.1:${port}/`, { signal, ...patient })).rejects.toBe('gone');
    server.close();
    await once(server, 'close');
    await Promise.all(ends);
    expect(ends).toHaveLength(1);
  });

  it('stops when it is aborted while a host name is resolved', async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const lookup = (() => void setImmediate(() => controller.abort('gone'))) as unknown as HttpSourceOptions['lookup'];
    await expect(read('http://pictures.example/', { lookup, signal, ...patient })).rejects.toBe('gone');
  });

  it('opens no other connection when an answer was aborted', async () => {
    const controller = new AbortController();
    const ends: Promise<unknown>[] = [];
    const server = createTcpServer((socket) => {
      ends.push(once(socket, 'close'));
      socket.once('data', () => controller.abort('gone'));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    await expect(read(`http://127.0.0.1:${port}/`, { signal: controller.signal })).rejects.toBe('gone');
    await Promise.all(ends);
    // Whoever was to come, has.
    await read((await serve((_, response) => response.end('picture'))).url);
    server.close();
    await once(server, 'close');
    expect(ends).toHaveLength(1);
  });

  it('gives up on a server that falls silent', async () => {
    const { url } = await serve((_request, response) => response.write('a piece'));
    await expect(read(url, { timeouts: { connectMs: 1000, idleMs: 10 } })).rejects.toMatchObject({
      code: 'fetch_timeout',
    });
  });

  it('gives up on a host name that is not resolved in time', async () => {
    const lookup = (() => undefined) as unknown as HttpSourceOptions['lookup'];
    const controller = new AbortController();
    const timeouts = { connectMs: 600_000, idleMs: 600_000 };
    const patiently = read('http://pictures.example/', { lookup, timeouts, signal: controller.signal });
    await expect(
      read('http://pictures.example/', { lookup, timeouts: { ...timeouts, connectMs: 10 } }),
    ).rejects.toMatchObject({ code: 'fetch_timeout' });
    controller.abort('still waiting');
    await expect(patiently).rejects.toBe('still waiting');
  });
});
