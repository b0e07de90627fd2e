import type { Framing } from '../api/index.ts';

/** Clients and proxies that hear nothing for this long begin to doubt: some give up after 10 s, many after a minute. */
export const SILENCE_MS = 5000;

/** A comment, which clients ignore: it tells proxies and clients that the stream is alive. */
export const sseComment = ':\n\n';

const commonHeaders = {
  'cache-control': 'no-cache, no-transform',
  // Keeps proxies such as nginx from buffering the stream.
  'x-accel-buffering': 'no',
};

/**
 * What tells that a stream is alive, where its format has nothing of its own: a comment, or white space before the next
 * JSON text. Not an empty line, which some clients take for a text.
 */
export const heartbeats: Readonly<Record<Framing, string>> = { sse: sseComment, ndjson: ' ' };

export const streamHeaders: Readonly<Record<Framing, Readonly<Record<string, string>>>> = {
  sse: { 'content-type': 'text/event-stream; charset=utf-8', ...commonHeaders },
  ndjson: { 'content-type': 'application/x-ndjson', ...commonHeaders },
};

/** Whether a promise is fulfilled within `timeoutMs`. Rejects if the promise does so within that time. */
export async function settlesWithin(promise: Promise<unknown>, timeoutMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), timeoutMs);
  });
  try {
    return await Promise.race([promise.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
