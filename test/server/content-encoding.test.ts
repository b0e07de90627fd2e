import { createHash, randomBytes } from 'node:crypto';
import { request } from 'node:http';
import { promisify } from 'node:util';
import * as zlib from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { decoderOf } from '../../src/server/content-encoding.ts';
import { answerTo, chatBody, send } from './support/http.ts';
import type { TestServer } from './support/serve.ts';
import { serve } from './support/serve.ts';

type Encode = (bytes: Buffer) => Buffer;

const codings: readonly [name: string, header: string, encode: Encode][] = [
  ['gzip', 'gzip', (bytes) => zlib.gzipSync(bytes)],
  ['gzip by another name', 'X-GZip', (bytes) => zlib.gzipSync(bytes)],
  [
    'gzip in two members',
    'gzip',
    (bytes) => Buffer.concat([zlib.gzipSync(bytes.subarray(0, 9)), zlib.gzipSync(bytes.subarray(9))]),
  ],
  ['deflate', 'deflate', (bytes) => zlib.deflateSync(bytes)],
  ['deflate without its header', 'deflate', (bytes) => zlib.deflateRawSync(bytes)],
  ['brotli', 'br', (bytes) => zlib.brotliCompressSync(bytes)],
];

async function post({ url }: TestServer, body: Uint8Array, encoding: string) {
  const answer = await send(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-encoding': encoding },
    body,
  });
  const json = JSON.parse(answer.text) as {
    error?: { code: string; message: string };
    choices?: { message: { content: string } }[];
  };
  return { ...answer, json };
}

describe('a body', () => {
  it.each(codings)('in %s is decoded', async (_, header, encode) => {
    const { json } = await post(await serve(), encode(Buffer.from(chatBody('hé'))), header);
    expect(json.choices?.[0]?.message.content).toBe('hé');
  });

  it.each(codings)('in %s has the limit of all bodies when it is decoded', async (_, header, encode) => {
    const server = await serve({ settings: { maxRequestBytes: 100_000 } });
    // A thousandth of its size, encoded.
    const { status, json } = await post(server, encode(Buffer.from(chatBody('a'.repeat(3_000_000)))), header);
    expect([status, json.error?.code]).toEqual([413, 'request_too_large']);
    expect((await post(server, encode(Buffer.from(chatBody('hi'))), header)).status).toBe(200);
  });

  it('is refused as soon as it is too large, though more of it may come', async () => {
    const { url } = await serve({ settings: { maxRequestBytes: 100_000 } });
    const gzip = zlib.createGzip();
    const sending = request(`${url}/v1/chat/completions`, { method: 'POST', headers: { 'content-encoding': 'gzip' } });
    gzip.pipe(sending);
    gzip.write(`{"model":"${'a'.repeat(3_000_000)}`);
    gzip.flush();
    expect((await answerTo(sending)).statusCode).toBe(413);
    sending.on('error', () => undefined).destroy();
    gzip.destroy();
  });

  it.each([
    ['text', Buffer.from(chatBody('hi'))],
    ['a beginning', zlib.gzipSync(chatBody('hi')).subarray(0, 30)],
  ])('that is %s, not gzip, is refused as that', async (_, body) => {
    const { status, json } = await post(await serve(), body, 'gzip');
    expect([status, json.error?.code]).toEqual([400, 'invalid_request']);
    expect(json.error?.message).toMatch(/^The body is not gzip, as its Content-Encoding says: /);
  });

  it('of nothing is no body', async () => {
    const { status, json } = await post(await serve(), zlib.gzipSync(''), 'gzip');
    expect([status, json.error?.code]).toEqual([400, 'invalid_json']);
  });
});

describe('decoding', () => {
  it('gives every byte, however the chunks are cut, and takes no more than is asked for', async () => {
    const bytes = randomBytes(1_000_000);
    const encoded = await promisify(zlib.gzip)(bytes);
    let taken = 0;
    async function* chunks() {
      for (let at = 0; at < encoded.length; at += 10_007) {
        taken += 1;
        await Promise.resolve();
        yield encoded.subarray(at, at + 10_007);
      }
    }
    const hash = createHash('sha256');
    let isFirst = true;
    for await (const piece of decoderOf('gzip')?.(chunks()) ?? []) {
      if (isFirst) expect(taken).toBeLessThan(10);
      isFirst = false;
      hash.update(piece);
    }
    expect(hash.digest('hex')).toBe(createHash('sha256').update(bytes).digest('hex'));
  });

  it('ends with its reader', async () => {
    let hasEnded = false;
    async function* chunks() {
      try {
        for (;;) {
          await Promise.resolve();
          yield zlib.gzipSync('a'.repeat(1000));
        }
      } finally {
        hasEnded = true;
      }
    }
    for await (const _ of decoderOf('gzip')?.(chunks()) ?? []) break;
    expect(hasEnded).toBe(true);
  });
});
