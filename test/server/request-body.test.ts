import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it, onTestFinished } from 'vitest';
import { BodyMemory } from '../../src/server/body-memory.ts';
import { CpuShare } from '../../src/server/cpu-share.ts';
import { readJsonBody } from '../../src/server/request-body.ts';
import { chatBody, openSocket, rawChat, readUntil, send } from './support/http.ts';
import { turnUntil } from './support/turn-until.ts';
import type { TestServer } from './support/serve.ts';
import { serve } from './support/serve.ts';

async function post({ url }: TestServer, body?: string | Uint8Array, headers?: Readonly<Record<string, string>>) {
  const sent = {
    method: 'POST',
    ...(body === undefined ? {} : { body }),
    ...(headers === undefined ? {} : { headers }),
  };
  const answer = await send(`${url}/v1/chat/completions`, sent);
  const json = JSON.parse(answer.text) as { error?: { code: string; message: string; param: string | null } };
  return { ...answer, json };
}

describe('a body', () => {
  it.each([
    'text/plain',
    'application/octet-stream',
    'application/x-www-form-urlencoded',
    'application/json; charset=x',
  ])('is read as JSON, whatever %s says', async (type) => {
    expect((await post(await serve(), chatBody('hi'), { 'content-type': type })).status).toBe(200);
  });

  it.each(['secret', 'gzip, gzip'])('that is said to be in %s is refused as that', async (encoding) => {
    const { status, headers, json } = await post(await serve(), chatBody('hi'), { 'content-encoding': encoding });
    expect([status, json.error?.code]).toEqual([415, 'unsupported_encoding']);
    expect(headers['accept-encoding']).toContain('gzip, deflate, br');
    expect((await post(await serve(), chatBody('hi'), { 'content-encoding': 'identity' })).status).toBe(200);
  });

  it('may begin with a byte order mark', async () => {
    expect((await post(await serve(), `\ufeff${chatBody('hi')}`)).status).toBe(200);
  });

  it.each([
    ['no body', undefined, /no body/],
    ['white space', ' \n', /Unexpected end of JSON input/],
    ['text', 'hello', /Unexpected token 'h', "hello"/],
    ['a missing brace', '{"messages": [', /Unexpected end of JSON input/],
    ['a trailing comma', '{"messages": [],}', /at position 16/],
    ['single quotes', "{'messages': []}", /at position 1/],
    ['a line break in a string', '{"model": "a\nb"}', /at position 12/],
    ['two values', '{}{}', /at position 2/],
    ['broken UTF-8', Buffer.from('{"model": "\xff"}', 'latin1'), /utf-8/],
  ])('that is %s is a 400 that says where', async (_, body, where) => {
    const { status, json } = await post(await serve(), body);
    expect([status, json.error?.code, json.error?.param]).toEqual([400, 'invalid_json', null]);
    expect(json.error?.message).toMatch(where);
  });

  it('that is not JSON is not sent back whole', async () => {
    const { json } = await post(await serve(), 'x'.repeat(1e6));
    expect(json.error?.message.length).toBeLessThan(300);
  });

  it('that names a model without end is not sent back whole', async () => {
    const server = await serve();
    const { status, json } = await post(server, chatBody('hi', { model: 'x'.repeat(1e6) }));
    expect([status, json.error?.code]).toEqual([404, 'model_not_found']);
    expect([json.error?.message.length, server.log.join('').length]).toEqual([
      expect.toSatisfy((length: number) => length < 300),
      expect.toSatisfy((length: number) => length < 500),
    ]);
  });

  it.each([
    ['lists', '[', ']'],
    ['objects', '{"":', '}'],
    ['lists in messages', '{"messages":[', ']}'],
  ])('of a million nested %s is a 400', async (_, open, close) => {
    const server = await serve();
    const depth = 1e6;
    const nested = `${open}${'['.repeat(depth)}${']'.repeat(depth)}${close}`;
    const { status, json } = await post(server, nested);
    expect([status, json.error?.code]).toEqual([400, 'invalid_json']);
    expect(json.error?.message).toContain('nested more than 100 levels');
    const unclosed = await post(server, open + '['.repeat(depth));
    expect([unclosed.status, unclosed.json.error?.code]).toEqual([400, 'invalid_json']);
  });
});

/** A list of one text part, without its closing bracket. */
function textPart(data: string): string {
  return JSON.stringify([{ type: 'text', text: data }]).slice(0, -1);
}

async function echoed(content: string): Promise<string> {
  const { json } = await post(await serve(), `{"messages":[{"role":"user","content":${content}]}]}`);
  return (json as { choices?: { message: { content: string } }[] }).choices?.[0]?.message.content ?? '';
}

describe('a long data URI', () => {
  it.each([
    ['plain', ''],
    ['with escapes', '\n"\\/\u0001'],
    ['with characters of several bytes', 'é€😀'],
  ])('is what was sent, %s, wherever its blocks end', async (_, unusual) => {
    for (const shift of [0, 1, 2, 3, 4, 5, 6, 7]) {
      const data = `data:,${'x'.repeat(shift)}${'A'.repeat(131_000)}${unusual.repeat(100)}${'B'.repeat(140_000)}`;
      expect(await echoed(textPart(data))).toBe(data);
    }
  });

  it('with half a character before plain blocks is not valid', async () => {
    const start = Buffer.from('{"messages":[{"role":"user","content":"data:,');
    for (let broken = 131_060; broken < 131_080; broken += 1) {
      const body = Buffer.concat([start, Buffer.alloc(300_000, 'A'), Buffer.from('"}]}')]);
      body[broken] = 0xc3;
      // The other half, a block later, does not make up for it.
      if (broken % 2 === 1) body[broken + 65_537] = 0xa9;
      const { status, json } = await post(await serve(), body);
      expect([status, json.error?.code]).toEqual([400, 'invalid_json']);
    }
  });
});

/** The head of a request whose client waits for leave to send its body. */
function ask(length: number): string {
  return `POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: ${length}\r\n\r\n`;
}

describe('a client that asks before it sends', () => {
  it('is told to go on, and answered', async () => {
    const socket = await openSocket((await serve()).port);
    const body = chatBody('hi');
    socket.write(ask(body.length));
    expect(await readUntil(socket, /\r\n\r\n/)).toMatch(/^HTTP\/1.1 100 Continue/);
    socket.write(body);
    expect(await readUntil(socket, /^HTTP.*$/m)).toContain(' 200 ');
  });

  it('need not send what is refused anyway', async () => {
    const socket = await openSocket((await serve({ settings: { apiKeys: ['secret'] } })).port);
    socket.write(ask(10));
    expect(await readUntil(socket, /\r\n\r\n/)).toMatch(/^HTTP\/1.1 401 /);
  });

  it('is refused at once where it would send too much', async () => {
    const socket = await openSocket((await serve({ settings: { maxRequestBytes: 1000 } })).port);
    socket.write(ask(1001));
    expect(await readUntil(socket, /\r\n\r\n/)).toMatch(/^HTTP\/1.1 413 /);
  });
});

it('a body that comes byte by byte is read in larger pieces, other clients between them', async () => {
  let pieces = 0;
  const signal = new AbortController().signal;
  const [memory, cpus] = [
    new BodyMemory(1e9),
    new CpuShare({ stats: () => ({ sequencesRunning: 0, sequencesQueued: 0 }) }),
  ];
  const limits = { maxBytes: 1e8, timeoutMs: 1e6, memory, cpus, signal, onBytes: () => (pieces += 1) };
  const server = createServer((request, response) => {
    void readJsonBody(request, limits).then(({ value }) => response.end(JSON.stringify(value)));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const headers = 'Host: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked';
  const body = `2\r\n[]\r\n${'1\r\n \r\n'.repeat(10_000)}0\r\n\r\n`;
  const client = connect(port, '127.0.0.1').end(`POST / HTTP/1.1\r\n${headers}\r\n\r\n${body}`);
  expect(await text(client)).toContain('[]');
  expect(pieces).toBeLessThan(2000);
});

describe('a body that is too large', () => {
  const settings = { maxRequestBytes: 1000 };
  const tooLarge = expect.stringContaining('larger than 1000 bytes') as string;

  it('has one byte more than the limit', async () => {
    const server = await serve({ settings });
    const body = chatBody('hi');
    const padded = (bytes: number) => body + ' '.repeat(bytes - body.length);
    expect((await post(server, padded(1000))).status).toBe(200);
    for (const headers of [{}, { 'transfer-encoding': 'chunked' }]) {
      const { status, json } = await post(server, padded(1001), headers);
      expect([status, json.error]).toEqual([
        413,
        { code: 'request_too_large', message: tooLarge, param: null, type: 'invalid_request_error' },
      ]);
    }
  });

  it('is refused by its length before it comes', async () => {
    const server = await serve({ settings });
    const socket = await openSocket(server.port);
    socket.write('POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1001\r\n\r\n');
    expect(await readUntil(socket, /\}$/)).toMatch(/^HTTP\/1\.1 413 [^]*request_too_large/);
    socket.destroy();
  });

  it('is refused at the byte that is too many, though it has no end', async () => {
    const server = await serve({ settings });
    const socket = await openSocket(server.port);
    socket.write('POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n');
    socket.write(`3e9\r\n${'x'.repeat(1001)}\r\n`);
    expect(await readUntil(socket, /\}$/)).toMatch(/^HTTP\/1\.1 413 [^]*request_too_large/);
    socket.destroy();
  });

  it.each([
    ['with its length', 'Content-Length: 20000000', '', ''],
    ['in chunks', 'Transfer-Encoding: chunked', '1312d00\r\n', '\r\n0\r\n\r\n'],
  ])('still gets its answer to a client that writes it all first, %s', async (_, framing, before, after) => {
    const { port } = await serve({ settings });
    const writeAll = async (socket: Socket, header: string) => {
      const head = `POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n${framing}\r\n${header}\r\n${before}`;
      await new Promise<unknown>((resolve) => socket.write(`${head}${'x'.repeat(20_000_000)}${after}`, resolve));
      expect(await readUntil(socket, /\}$/)).toMatch(/^HTTP\/1\.1 413 /);
    };
    const kept = await openSocket(port);
    await writeAll(kept, '');
    // The rest was read to its end: the connection serves on.
    kept.write(rawChat(chatBody('again')));
    expect(await readUntil(kept, /\}$/)).toMatch(/^HTTP\/1\.1 200 [^]*again/);
    kept.destroy();

    const closing = await openSocket(port);
    await writeAll(closing, 'Connection: close\r\n');
    await once(closing.resume(), 'end');
  });
});

/** The head of a request with a body of so many bytes. */
function head(bytes: number): string {
  return `POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${bytes}\r\n\r\n`;
}

describe('the bodies of all requests', () => {
  const settings = { maxRequestMemoryBytes: 8_000_000 };
  const body = chatBody('hi');
  const padded = (bytes: number): string => `${' '.repeat(bytes - body.length)}${body}`;

  it('share a memory: what has no room there is not read, and answered when there is', async () => {
    const { url, port } = await serve({ settings });
    const first = await openSocket(port);
    const large = padded(6_900_000);
    await new Promise<unknown>((resolve) => first.write(head(large.length) + large.slice(0, -1), resolve));
    const second = await openSocket(port);
    let isWritten = false;
    second.write(head(large.length) + large, () => (isWritten = true));
    // Small ones go on beside them.
    for (let i = 0; i < 20; i += 1) {
      const answer = await send(`${url}/v1/chat/completions`, { method: 'POST', body: chatBody('small') });
      expect(answer.status).toBe(200);
    }
    expect(isWritten).toBe(false);
    first.write(large.slice(-1));
    expect(await readUntil(first, /\}$/)).toMatch(/^HTTP\/1\.1 200 /);
    expect(await readUntil(second, /\}$/)).toMatch(/^HTTP\/1\.1 200 /);
    first.destroy();
    second.destroy();
  });

  it('give back what a client that leaves had, or waited for', async () => {
    const { url, port, log, requestsInFlight } = await serve({ settings });
    const large = padded(6_900_000);
    for (let i = 0; i < 3; i += 1) {
      const first = await openSocket(port);
      await new Promise<unknown>((resolve) => first.write(head(large.length) + large.slice(0, -1), resolve));
      const others = await Promise.all([openSocket(port), openSocket(port)]);
      for (const socket of others) socket.write(head(large.length) + large.slice(0, -1));
      await turnUntil(() => requestsInFlight() === 3);
      for (const socket of [first, ...others]) socket.destroy();
      await turnUntil(() => log.filter((line) => line.includes(' 499 ')).length === 3 * (i + 1));
      const answer = await send(`${url}/v1/chat/completions`, { method: 'POST', body: large });
      expect(answer.status).toBe(200);
    }
  });

  it('refuse one that they could never have room for', async () => {
    const server = await serve({ settings });
    for (const headers of [{}, { 'transfer-encoding': 'chunked' }]) {
      const { status, json } = await post(server, padded(7_000_001), headers);
      expect([status, json.error?.code]).toEqual([413, 'request_too_large']);
      expect(json.error?.message).toContain('larger than 7000000 bytes');
    }
  });
});

/** Bytes of buffers that somebody still refers to. */
function bufferBytes(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().arrayBuffers;
}

describe('a body that comes too slowly', () => {
  it('is dropped at once, also while its connection is still open', async () => {
    const { port } = await serve({ settings: { bodyTimeoutS: 1 } });
    const before = bufferBytes();
    const socket = await openSocket(port);
    const start = '{"messages":[{"role":"user","content":"data:,';
    socket.write(head(9_000_000) + start + 'A'.repeat(8_000_000));
    expect(await readUntil(socket, /\}$/)).toMatch(/^HTTP\/1\.1 408 /);
    await turnUntil(() => bufferBytes() < before + 3_000_000);
    expect(socket.readableEnded).toBe(false);
    socket.destroy();
  });

  it('is a 408, and ends its connection', async () => {
    const { port, log } = await serve({ settings: { bodyTimeoutS: 0.05 } });
    const socket = await openSocket(port);
    socket.write(`${head(1000)}{`);
    const more = setInterval(() => socket.write(' '), 5);
    expect(await readUntil(socket, /\}$/)).toMatch(/^HTTP\/1\.1 408 [^]*connection: close[^]*request_timeout/i);
    clearInterval(more);
    socket.destroy();
    expect(log[0]).toMatch(/ 408 .*request_timeout: .*0\.05 s.*--http-body-timeout-s/);
  });
});
