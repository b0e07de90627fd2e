import { once } from 'node:events';
import type { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { chatBody, openSocket, rawChat, send } from './support/http.ts';
import type { TestServer } from './support/serve.ts';
import { Gate } from '../support/gate.ts';
import { serve } from './support/serve.ts';
import { turnUntil } from './support/turn-until.ts';

/** What a server sends on a connection of its own, to its end. */
async function exchange({ port }: TestServer, bytes: string | Buffer): Promise<string> {
  const socket = await openSocket(port);
  socket.write(bytes);
  return readToEnd(socket);
}

async function readToEnd(socket: Socket): Promise<string> {
  let read = '';
  for await (const chunk of socket as AsyncIterable<Buffer>) read += chunk.toString('latin1');
  return read;
}

function errorOf(answer: string): { code: string; message: string } {
  return (JSON.parse(answer.slice(answer.indexOf('{'))) as { error: { code: string; message: string } }).error;
}

/** The answer is in the envelope, and in the log under the id that it bears. */
async function expectRefused(server: TestServer, answer: string, status: number, code: string): Promise<void> {
  expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
  expect(errorOf(answer)).toMatchObject({ code, message: expect.any(String) as string });
  const id = /^x-request-id: (.*)$/im.exec(answer)?.[1]?.trim() ?? 'none';
  await turnUntil(() => server.log.length > 0);
  expect(server.log).toEqual([expect.stringMatching(new RegExp(`${id} .* ${status} .*${code}: `))]);
  expect((await send(`${server.url}/health`)).status).toBe(200);
}

const close = 'Connection: close\r\n\r\n';

describe('bytes that are no request', () => {
  it.each([
    ['nonsense', 'nonsense\r\n\r\n'],
    ['a bad method', 'FETCH / HTTP/1.1\r\nHost: localhost\r\n\r\n'],
    ['a bad version', 'GET / HTTP/9.9\r\nHost: localhost\r\n\r\n'],
    ['a bad header', 'GET / HTTP/1.1\r\nHost: localhost\r\nno colon\r\n\r\n'],
    ['a bad length', 'POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n'],
    [
      'two framings',
      'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['a tunnel', 'CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n'],
    ['TLS', Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3])],
  ])('are refused and logged: %s', async (_, bytes) => {
    const server = await serve();
    await expectRefused(server, await exchange(server, bytes), 400, 'invalid_request');
  });

  it('are refused and logged where they are too many for headers', async () => {
    const server = await serve();
    const answer = await exchange(server, `GET / HTTP/1.1\r\nHost: localhost\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`);
    await expectRefused(server, answer, 431, 'headers_too_large');
  });

  it('in a body that came half end its request', async () => {
    const server = await serve();
    const socket = await openSocket(server.port);
    socket.write(
      'POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\nzz\r\n',
    );
    const answer = await readToEnd(socket);
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(errorOf(answer).code).toBe('invalid_request');
  });

  it.each([true, false])('behind a request are refused behind its answer (streaming: %s)', async (stream) => {
    const answering = new Gate();
    const server = await serve({ beforeDelta: (index) => (index === 1 ? answering.opened : undefined) });
    const socket = await openSocket(server.port);
    socket.write(`${rawChat(chatBody('one two', { stream }))}nonsense\r\n\r\n`);
    // Another request, and its answer, say that the nonsense has been read.
    expect((await send(`${server.url}/health`)).status).toBe(200);
    socket.write('more\r\n\r\n');
    answering.open();
    const answers = await readToEnd(socket);
    expect(answers).toMatch(/^HTTP\/1\.1 200 [^]*two[^]*HTTP\/1\.1 400 /);
    expect(answers.match(/HTTP\/1\.1 /g)).toHaveLength(2);
    expect(answers).toMatch(/"code":"invalid_request"[^]*\}$/);
  });
});

describe('a host', () => {
  it.each(['GET /health', 'GET /v1/models', 'OPTIONS /', 'OPTIONS *'])(
    'need not be named by HTTP/1.0, as load balancers speak it: %s',
    async (request) => {
      expect(await exchange(await serve(), `${request} HTTP/1.0\r\n\r\n`)).toMatch(/^HTTP\/1\.1 20[04] /);
    },
  );

  it('must be named by HTTP/1.1', async () => {
    const server = await serve();
    const answer = await exchange(server, `GET /health HTTP/1.1\r\n${close}`);
    await expectRefused(server, answer, 400, 'invalid_request');
  });

  it.each(['', 'a', 'my_app_1:8000', '[::1]:8000', '[0:0::1]', 'EXAMPLE.org.', 'a:', '127.1', '%61'])(
    'may be %j',
    async (host) => {
      const server = await serve({ settings: { allowedHosts: ['*'] } });
      const answer = await exchange(server, `GET /health HTTP/1.1\r\nHost: ${host}\r\n${close}`);
      expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    },
  );

  it.each(['a b', '1.2.3.4.5', '256.256.256.256', '09', '1..2', '100%', 'a/b', 'a@b', 'a:b', '[::1', 'ü', 'a, b'])(
    'cannot be %j',
    async (host) => {
      const server = await serve();
      const answer = await exchange(server, Buffer.from(`GET /health HTTP/1.1\r\nHost: ${host}\r\n${close}`));
      await expectRefused(server, answer, 400, 'invalid_request');
    },
  );
});

describe('a target', () => {
  it.each(['http://a/health', 'HTTP://b:1/health?x', 'http://1.2.3.4.5/health'])(
    'may be absolute: %s',
    async (target) => {
      expect(await exchange(await serve(), `GET ${target} HTTP/1.1\r\nHost: localhost\r\n${close}`)).toMatch(
        /^HTTP\/1\.1 200 /,
      );
    },
  );

  it.each(['http://a', 'http://a?b', '/\\', '/%', '//', '/a//b'])('leads nowhere with %s', async (target) => {
    const server = await serve({ settings: { apiTypes: ['openai'] } });
    const answer = await exchange(server, `GET ${target} HTTP/1.1\r\nHost: localhost\r\n${close}`);
    expect([answer.slice(0, 12), errorOf(answer).code]).toEqual(['HTTP/1.1 404', 'route_not_found']);
  });

  it('may come with an expectation that nobody knows', async () => {
    const answer = await exchange(await serve(), `GET /health HTTP/1.1\r\nHost: localhost\r\nExpect: more\r\n${close}`);
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
  });
});

describe('a log that fails', () => {
  it('costs no answer', async () => {
    const server = await serve({
      onLog() {
        throw new Error('The disk is full.');
      },
    });
    expect((await send(`${server.url}/health`)).status).toBe(200);
    const streamed = { method: 'POST', body: chatBody('one two', { stream: true }) };
    expect((await send(`${server.url}/v1/chat/completions`, streamed)).text).toContain('[DONE]');
    const socket = await openSocket(server.port);
    socket.write('nonsense\r\n\r\n');
    await once(socket.resume(), 'close');
    expect((await send(`${server.url}/nothing`)).status).toBe(404);
  });
});
