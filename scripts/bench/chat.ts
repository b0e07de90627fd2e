import { Agent, request } from 'undici';
import { postAndKeep } from './kept-response.ts';
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
  const headers = {
    'content-type': 'application/json',
    ...(options.key === undefined ? {} : { authorization: `Bearer ${options.key}` }),
  };
  const target = new URL('/v1/chat/completions', url);
  const { signal, onText } = options;
  const sentAtMs = performance.now();
  const { stream, endedAtMs } = await (onText === undefined
    ? readThenTime(target, headers, body, signal)
    : timeAsItComes(target, headers, body, signal, onText));
  const [firstAtMs] = stream.textAtMs;
  if (firstAtMs === undefined) throw new Error(`${url} sent an answer without text.`);
  return { ...stream, sentAtMs, endedAtMs, ttftMs: firstAtMs - sentAtMs };
}

interface EndedStream {
  readonly stream: TimedStream;
  readonly endedAtMs: number;
}

type Headers = Readonly<Record<string, string>>;

async function readThenTime(
  target: URL,
  headers: Headers,
  body: string,
  signal: AbortSignal | undefined,
): Promise<EndedStream> {
  const { status, chunks, endedAtMs } = await postAndKeep(target, headers, body, signal);
  if (status !== 200) throw refusal(target, status, Buffer.concat(chunks.map(({ bytes }) => bytes)).toString());
  const decoder = new TextDecoder();
  let atMs = 0;
  const arrived = function* (): Generator<string> {
    for (const chunk of chunks) {
      ({ atMs } = chunk);
      yield decoder.decode(chunk.bytes, { stream: true });
    }
  };
  return { stream: await timeStream(arrived(), undefined, () => atMs), endedAtMs };
}

async function timeAsItComes(
  target: URL,
  headers: Headers,
  body: string,
  signal: AbortSignal | undefined,
  onText: () => void,
): Promise<EndedStream> {
  const options = { method: 'POST', headers, body, signal: signal ?? null, dispatcher: connections } as const;
  const response = await request(target, options);
  if (response.statusCode !== 200) throw refusal(target, response.statusCode, await response.body.text());
  const decoder = new TextDecoder();
  const arriving = async function* (): AsyncGenerator<string> {
    for await (const bytes of response.body) yield decoder.decode(bytes as Buffer, { stream: true });
  };
  return { stream: await timeStream(arriving(), onText), endedAtMs: performance.now() };
}

function refusal({ origin }: URL, status: number, text: string): Error {
  return new Error(`${origin} answered with status ${String(status)}: ${text}`);
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
