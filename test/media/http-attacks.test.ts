import { once } from 'node:events';
import { createServer } from 'node:http';
import type { RequestListener } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { createServer as createTcpServer } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { HttpSource } from '../../src/media/http-source.ts';
import type { HttpSourceOptions } from '../../src/media/http-source.ts';
import { MediaBudget } from '../../src/media/media-budget.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  await Promise.all(cleanups.splice(0).map((cleanup) => cleanup()));
});

/** A server of images on a loopback address; its port. */
async function serve(listener: RequestListener, host = '127.0.0.1', port = 0): Promise<number> {
  const server = createServer(listener).listen(port, host);
  await once(server, 'listening');
  cleanups.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** A server that answers each connection as it likes, in bytes. */
async function serveBytes(answer: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    sockets.add(socket.on('error', () => undefined));
    socket.once('data', () => answer(socket));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** A resolver that gives these answers in turn, and the last one again and again. */
function resolver(...answers: (readonly string[])[]): { lookup: HttpSourceOptions['lookup']; asked: string[] } {
  const asked: string[] = [];
  const lookup = ((name: string, _options: unknown, callback: (error: null, found: unknown[]) => void) => {
    const addresses = answers[Math.min(asked.length, answers.length - 1)] ?? [];
    asked.push(name);
    callback(
      null,
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    );
  }) as unknown as HttpSourceOptions['lookup'];
  return { lookup, asked };
}

interface Changes extends Partial<HttpSourceOptions> {
  maxBytes?: number;
}

function open({ maxBytes = 1_000_000, ...options }: Changes = {}) {
  const source = new HttpSource({ ssrfProtectionEnabled: true, allowedMediaHosts: ['127.0.0.1'], ...options });
  return async (url: string): Promise<string> => {
    const { signal } = new AbortController();
    const { pieces } = await source.read(url, { budget: new MediaBudget(maxBytes), signal });
    return Buffer.concat(pieces).toString();
  };
}

const blocked = { code: 'ssrf_blocked' };

function digits(radix: number, prefix: string): (part: number) => string {
  return (part) => prefix + part.toString(radix);
}

describe('a host name', () => {
  it('that turns bad between two fetches (rebinding) is refused the second time', async () => {
    let requests = 0;
    const port = await serve((_, response) => {
      requests += 1;
      response.setHeader('connection', 'close').end('picture');
    });
    await serve(() => (requests += 100), '127.0.0.2', port);
    const { lookup, asked } = resolver(['127.0.0.1'], ['127.0.0.2']);
    const read = open({ lookup });
    expect(await read(`http://pictures.example:${port}/`)).toBe('picture');
    await expect(read(`http://pictures.example:${port}/`)).rejects.toMatchObject(blocked);
    expect([requests, asked.length]).toEqual([1, 2]);
  });

  it('that turns bad at a redirect to itself is refused', async () => {
    const port = await serve((_, response) => {
      response.writeHead(302, { location: '/again', connection: 'close' }).end();
    });
    const { lookup } = resolver(['127.0.0.1'], ['10.0.0.1']);
    await expect(open({ lookup })(`http://pictures.example:${port}/`)).rejects.toMatchObject({
      ...blocked,
      message: expect.stringMatching(/A redirect led there\.$/) as string,
    });
  });

  it.each([
    ['one of two addresses', ['127.0.0.1', '127.0.0.2']],
    ['the first', ['10.0.0.1', '127.0.0.1']],
    ['an IPv6 one', ['127.0.0.1', '::1']],
    ['a mapped one', ['127.0.0.1', '::ffff:10.0.0.1']],
  ])('with %s that is bad is refused before any connection', async (_, addresses) => {
    let requests = 0;
    const port = await serve(() => (requests += 1));
    const { lookup } = resolver(addresses);
    await expect(open({ lookup })(`http://pictures.example:${port}/`)).rejects.toMatchObject(blocked);
    expect(requests).toBe(0);
  });

  it.each([
    'LOCALHOST',
    'LocalHost',
    '①②⑦.⓪.⓪.①',
    '127。0。0。1',
    '１２７.0.0.1',
    '0x7f000001',
    '0X7F.0.0.1',
    '0177.0.0.1',
    '017700000001',
    '127.0.1',
    '2130706433',
    '0',
    '%31%32%37.0.0.1',
    '[::ffff:7f00:1]',
    '[0:0:0:0:0:ffff:127.0.0.1]',
    '[::]',
    '[64:ff9b::127.0.0.1]',
    '[2002:7f00:1::]',
    '[fe80::1]',
  ])('written as %s is seen through', async (host) => {
    await expect(open({ allowedMediaHosts: [] })(`http://${host}/`)).rejects.toMatchObject(blocked);
  });

  it('is an IPv4 address however it is written', async () => {
    const read = open({ allowedMediaHosts: [] });
    const number = fc.constantFrom(digits(10, ''), digits(16, '0x'), digits(8, '0'), digits(16, '0X000'));
    const byte = fc.nat(255);
    await fc.assert(
      fc.asyncProperty(byte, byte, byte, number, fc.integer({ min: 1, max: 4 }), async (b, c, d, write, parts) => {
        const bytes = [127, b, c, d];
        const last = bytes.slice(parts - 1).reduce((value, part) => value * 256 + part, 0);
        const host = [...bytes.slice(0, parts - 1), last].map((part) => write(part)).join('.');
        await expect(read(`http://${host}:1080/`)).rejects.toMatchObject(blocked);
      }),
    );
  });

  it('is told to a TLS server, though the connection goes to an address', async () => {
    const names: string[] = [];
    const server = createTlsServer({
      SNICallback(name, callback) {
        names.push(name);
        callback(new Error('no certificate'));
      },
    }).listen(0, '127.0.0.1');
    server.on('tlsClientError', () => undefined);
    await once(server, 'listening');
    cleanups.push(() => server.close());
    const { lookup } = resolver(['127.0.0.1']);
    const { port } = server.address() as AddressInfo;
    await expect(open({ lookup })(`https://pictures.example:${port}/`)).rejects.toMatchObject({
      code: 'fetch_transport',
    });
    expect(names).toEqual(['pictures.example']);
  });
});

describe('a port', () => {
  it.each([0, 22, 25, 6667])('of another protocol, %i, is refused', async (port) => {
    await expect(open()(`http://127.0.0.1:${port}/`)).rejects.toMatchObject(blocked);
  });

  it('of another protocol is let through where nothing is protected', async () => {
    const read = open({ ssrfProtectionEnabled: false });
    await expect(read('http://127.0.0.1:25/')).rejects.toMatchObject({ code: 'fetch_transport' });
  });
});

/** Different Chinese characters, which are the slowest to make a host name of. */
function letters(count: number): string {
  return Array.from({ length: count }, (_, index) => String.fromCodePoint(0x4e00 + ((index * 7919) % 20_000))).join('');
}

describe('a URL', () => {
  it.each([
    ['a host without end', `http://${letters(1_000_000)}/`],
    ['a host that is longer than any', `http://a/../../\\\\${letters(2049)}/`],
    ['a path without end', `http://127.0.0.1/${'a/'.repeat(5000)}`],
    ['a query without end', `http://127.0.0.1/?${'a'.repeat(9000)}`],
  ])('with %s is refused before it is taken apart', async (_, url) => {
    await expect(open()(url)).rejects.toMatchObject({ code: 'malformed_url' });
  });

  it.each(['//', 'http:', 'h\tttp:\\\\', '/\\', 'ws://'])(
    'with a host without end is no target of a redirect either (%j)',
    async (start) => {
      const host = Buffer.from(letters(2049)).toString('latin1');
      const port = await serveBytes((socket) =>
        socket.end(
          Buffer.from(`HTTP/1.1 302 Found\r\nlocation: ${start}${host}/\r\ncontent-length: 0\r\n\r\n`, 'latin1'),
        ),
      );
      await expect(open()(`http://127.0.0.1:${port}/`)).rejects.toMatchObject({ code: 'bad_redirect' });
    },
  );

  it('may have a long query', async () => {
    const port = await serve((request, response) => response.end(String(request.url?.length)));
    expect(await open()(`http://127.0.0.1:${port}/?${'a'.repeat(8000)}`)).toBe('8002');
  });
});

describe('any text', () => {
  it('is read or refused with a code of ours', async () => {
    const read = open({ allowedMediaHosts: [], lookup: resolver(['10.0.0.1']).lookup });
    const part = fc.oneof(
      fc.webUrl(),
      fc.string(),
      fc.string({ unit: 'binary' }),
      fc.constantFrom('@', '\\', '[', ':', '?'),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('http://', 'https://', 'HTTP:\\\\', 'http:'),
        fc.array(part),
        async (start, rest) => {
          await expect(read(start + rest.join(''))).rejects.toMatchObject({
            code: expect.stringMatching(/^(ssrf_blocked|no_host|malformed_url)$/) as string,
          });
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('an answer', () => {
  it.each([
    ['gzip', gzipSync('picture')],
    ['x-gzip', gzipSync('picture')],
    ['deflate', deflateSync('picture')],
    ['br', brotliCompressSync('picture')],
    ['identity', Buffer.from('picture')],
    ['GZIP ', gzipSync('picture')],
    ['gzip,', gzipSync('picture')],
    ['gzip, gzip', gzipSync(gzipSync('picture'))],
    ['deflate, br', brotliCompressSync(deflateSync('picture'))],
    ['aws-chunked,gzip', gzipSync('picture')],
    ['deflate', deflateRawSync('picture')],
  ])('in %s is unpacked', async (encoding, body) => {
    const port = await serve((_, response) => response.setHeader('content-encoding', encoding).end(body));
    expect(await open()(`http://127.0.0.1:${port}/`)).toBe('picture');
  });

  it.each(['none', 'utf-8', 'UTF-8', 'binary', 'aws-chunked', 'base64', '8bit', 'null', 'image/png', 'zstd', ''])(
    'in no packing that there is (%j) is taken as it is',
    async (encoding) => {
      const port = await serve((_, response) => response.setHeader('content-encoding', encoding).end('picture'));
      expect(await open()(`http://127.0.0.1:${port}/`)).toBe('picture');
    },
  );

  it.each(['gzip', 'deflate', 'br', 'gzip, br'])('that begins as an image does is not in %s', async (encoding) => {
    const image = `GIF89a and more${'.'.repeat(100)}`;
    const port = await serve((_, response) => {
      response.setHeader('content-encoding', encoding);
      // The first bytes may come alone.
      response.write('G', () => response.end(image.slice(1)));
    });
    expect(await open()(`http://127.0.0.1:${port}/`)).toBe(image);
  });

  it.each([
    ['gzip', gzipSync(Buffer.alloc(50_000_000))],
    ['gzip, gzip', gzipSync(gzipSync(Buffer.alloc(50_000_000)))],
    ['br', brotliCompressSync(Buffer.alloc(50_000_000))],
  ])('that is a bomb in %s stops at the limit', async (encoding, bomb) => {
    expect(bomb.length).toBeLessThan(100_000);
    const port = await serve((_, response) => response.setHeader('content-encoding', encoding).end(bomb));
    await expect(open()(`http://127.0.0.1:${port}/`)).rejects.toMatchObject({ code: 'over_budget' });
  });

  it('that unpacks to nothing, without an end, stops at the limit too', async () => {
    const empty = Buffer.concat(Array.from({ length: 1000 }, () => gzipSync('')));
    let closed: Promise<unknown> = Promise.resolve();
    const port = await serve((_, response) => {
      closed = once(response, 'close');
      response.setHeader('content-encoding', 'gzip');
      const more = (): void => {
        while (response.write(empty));
        response.once('drain', more);
      };
      more();
    });
    await expect(open({ maxBytes: 100_000 })(`http://127.0.0.1:${port}/`)).rejects.toMatchObject({
      code: 'over_budget',
    });
    await closed;
  });

  it.each([
    ['that redirects', 'HTTP/1.1 302 Found\r\nlocation: file:///a.png'],
    ['that is none', 'HTTP/1.1 404 Not Found\r\nx: y'],
    ['that says that it is too large', 'HTTP/1.1 200 OK\r\ncontent-length: 100000000'],
    ['that is packed too often', `HTTP/1.1 200 OK\r\ncontent-encoding: ${'gzip,'.repeat(5)}`],
  ])('%s is not waited for: its connection is closed', async (_, head) => {
    let closed: Promise<unknown> = Promise.resolve();
    const port = await serveBytes((socket) => {
      closed = once(socket, 'close');
      socket.write(`${head}\r\n\r\nthe beginning of it`);
    });
    await expect(open()(`http://127.0.0.1:${port}/`)).rejects.toThrow();
    await closed;
  });

  it.each([
    ['in a broken encoding', 'content-encoding: gzip\r\ncontent-length: 7', 'picture'],
    [
      'packed too often',
      `content-encoding: ${'gzip,'.repeat(5)}\r\ncontent-length: 30`,
      'a picture of thirty characters',
    ],
    ['shorter than it says', 'content-length: 8', 'picture'],
    ['with a length that is none', 'content-length: -1', 'picture'],
    ['with two lengths', 'content-length: 7\r\ncontent-length: 8', 'picture'],
    ['with a length and chunks', 'content-length: 7\r\ntransfer-encoding: chunked', 'picture'],
    ['with broken chunks', 'transfer-encoding: chunked', 'x\r\npicture'],
    ['with a header without end', `x: ${'x'.repeat(100_000)}`, ''],
  ])('%s is refused', async (_, headers, body) => {
    const port = await serveBytes((socket) => socket.end(`HTTP/1.1 200 OK\r\n${headers}\r\n\r\n${body}`));
    const reading = open()(`http://127.0.0.1:${port}/`);
    await expect(reading).rejects.toMatchObject({ code: 'fetch_transport' });
    await expect(reading).rejects.not.toThrow(/127\.0|secret/);
  });

  it('is no longer than it says', async () => {
    const port = await serveBytes((socket) =>
      socket.end('HTTP/1.1 200 OK\r\ncontent-length: 7\r\nconnection: close\r\n\r\npicture and more'),
    );
    const read = await open()(`http://127.0.0.1:${port}/`).catch((error: unknown) => error);
    if (read instanceof Error) expect(read).toMatchObject({ code: 'fetch_transport' });
    else expect(read).toBe('picture');
  });

  it('of many tiny chunks takes no more memory than one', async () => {
    const chunks = 200_000;
    const port = await serveBytes((socket) => {
      socket.end(`HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${'1\r\nx\r\n'.repeat(chunks)}0\r\n\r\n`);
    });
    const source = new HttpSource({ ssrfProtectionEnabled: true, allowedMediaHosts: ['127.0.0.1'] });
    const { signal } = new AbortController();
    const { pieces } = await source.read(`http://127.0.0.1:${port}/`, { budget: new MediaBudget(chunks), signal });
    expect(pieces).toHaveLength(1);
    expect(pieces[0]).toHaveLength(chunks);
  });

  it('that is no HTTP is refused', async () => {
    const port = await serveBytes((socket) => socket.end('220 mail.example ESMTP\r\n'));
    await expect(open()(`http://127.0.0.1:${port}/`)).rejects.toMatchObject({ code: 'fetch_transport' });
  });
});
