import type { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { Agent, request } from 'undici';
import type { TimedStream } from './sse.ts';
import { timeStream } from './sse.ts';

/**
 * One connection per request, since a server may close a kept-alive one just as it is reused. No timeouts: a slow answer
 * is a result.
 */
const connections = new Agent({ pipelining: 0, headersTimeout: 0, bodyTimeout: 0 });

/** An image as a data URI. */
export interface Picture {
  readonly url: string;
}

/** OpenAI's message. */
export interface Message {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string | readonly object[];
}

export interface ChatOptions {
  readonly maxTokens: number;
  /** The answer ends with it, at most at `maxTokens`. */
  readonly responseFormat?: object;
  /** Names a client. */
  readonly key?: string;
  /** Other fields of the request. */
  readonly more?: object;
  readonly signal?: AbortSignal | undefined;
  readonly onText?: (() => void) | undefined;
}

export interface Answer extends TimedStream {
  readonly sentAtMs: number;
  readonly endedAtMs: number;
  /** From sending the request to the first text. */
  readonly ttftMs: number;
}

/**
 * Requests a greedy answer of exactly `maxTokens` tokens, or of a format, and times it. Throws if the server refuses or the answer has no
 * text; after an abort, the signal's reason.
 */
export async function chat(url: string, messages: readonly Message[], options: ChatOptions): Promise<Answer> {
  const body = JSON.stringify({
    model: 'bench',
    messages,
    max_tokens: options.maxTokens,
    temperature: 0,
    ...(options.responseFormat === undefined ? { ignore_eos: true } : { response_format: options.responseFormat }),
    stream: true,
    stream_options: { include_usage: true },
    ...options.more,
  });
  const sentAtMs = performance.now();
  const response = await request(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(options.key === undefined ? {} : { authorization: `Bearer ${options.key}` }),
    },
    body,
    signal: options.signal ?? null,
    dispatcher: connections,
  });
  if (response.statusCode !== 200) {
    throw new Error(`${url} answered with status ${String(response.statusCode)}: ${await response.body.text()}`);
  }
  const { stream, endedAtMs } = await (options.onText === undefined
    ? readThenTime(response.body)
    : timeAsItComes(response.body, options.onText));
  const [firstAtMs] = stream.textAtMs;
  if (firstAtMs === undefined) throw new Error(`${url} sent an answer without text.`);
  return { ...stream, sentAtMs, endedAtMs, ttftMs: firstAtMs - sentAtMs };
}

interface EndedStream {
  readonly stream: TimedStream;
  readonly endedAtMs: number;
}

/**
 * Times a stream whose pieces are kept as they arrive and read at the end. A client shares the CPUs with the servers: while
 * they work, it does as little as a client elsewhere would.
 */
async function readThenTime(body: Readable): Promise<EndedStream> {
  const pieces: { readonly bytes: Buffer; readonly atMs: number }[] = [];
  body.on('data', (bytes: Buffer) => pieces.push({ bytes, atMs: performance.now() }));
  await finished(body);
  const endedAtMs = performance.now();
  const decoder = new TextDecoder();
  let atMs = 0;
  const arrived = function* (): Generator<string> {
    for (const piece of pieces) {
      ({ atMs } = piece);
      yield decoder.decode(piece.bytes, { stream: true });
    }
  };
  return { stream: await timeStream(arrived(), undefined, () => atMs), endedAtMs };
}

async function timeAsItComes(body: Readable, onText: () => void): Promise<EndedStream> {
  const decoder = new TextDecoder();
  const arriving = async function* (): AsyncGenerator<string> {
    for await (const bytes of body) yield decoder.decode(bytes as Buffer, { stream: true });
  };
  return { stream: await timeStream(arriving(), onText), endedAtMs: performance.now() };
}

/** A user message of texts and images, in order. */
export function ask(...content: readonly (string | Picture)[]): Message {
  return {
    role: 'user',
    content: content.map((part) =>
      typeof part === 'string' ? { type: 'text', text: part } : { type: 'image_url', image_url: { url: part.url } },
    ),
  };
}
