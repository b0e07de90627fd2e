import { createServer } from 'node:http';
import type { RequestListener, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { afterEach, expect, test } from 'vitest';
import { keptResponse, postAndKeep } from '../../../scripts/bench/kept-response.ts';

let server: Server | undefined;
afterEach(() => server?.close());

async function listen(answer: RequestListener): Promise<URL> {
  server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return new URL(`http://127.0.0.1:${String((server.address() as AddressInfo).port)}/v1/chat/completions`);
}

test('What a server writes is kept chunk by chunk', async () => {
  const url = await listen((incoming, outgoing) => {
    incoming.setEncoding('utf8').on('data', (body: string) => {
      outgoing.writeHead(200, { 'content-type': 'text/event-stream' });
      outgoing.write(`${String(incoming.headers['x-name'])} `);
      outgoing.write(`${body} é`);
      outgoing.end();
    });
  });
  const { status, chunks, endedAtMs } = await postAndKeep(url, { 'x-name': 'a' }, '{"b":1}');
  expect([status, chunks.map(({ bytes }) => bytes.toString()).join('')]).toEqual([200, 'a {"b":1} é']);
  expect(chunks.at(-1)?.atMs).toBeLessThanOrEqual(endedAtMs);
});

test('A refusal without chunks is kept whole', async () => {
  const url = await listen((_, outgoing) => {
    outgoing.writeHead(404, { 'content-length': 3 }).end('no\n');
  });
  const { status, chunks } = await postAndKeep(url, {}, '{}');
  expect([status, chunks.map(({ bytes }) => bytes.toString())]).toEqual([404, ['no\n']]);
});

test('A chunk has the time at which its last byte came', () => {
  const text = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n';
  const cut = text.indexOf('c\r\n2');
  const pieces = [text.slice(0, cut), text.slice(cut)].map((piece, atMs) => ({ bytes: Buffer.from(piece), atMs }));
  expect(keptResponse(pieces).chunks.map(({ bytes, atMs }) => [bytes.toString(), atMs])).toEqual([
    ['abc', 1],
    ['de', 1],
  ]);
  const whole = keptResponse(Array.from(Buffer.from(text), (byte, atMs) => ({ bytes: Buffer.of(byte), atMs })));
  expect(whole.chunks.map(({ atMs }) => text.charAt(atMs))).toEqual(['c', 'e']);
});

test('An answer that is broken off is an error, and an abort has its reason', async () => {
  const url = await listen((_, outgoing) => {
    outgoing.write('abc', () => outgoing.destroy());
  });
  await expect(postAndKeep(url, {}, '{}')).rejects.toThrow('The server broke off in its answer.');
  await expect(postAndKeep(url, {}, '{}', AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough');
});
