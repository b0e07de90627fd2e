import type { Framing } from '../api/index.ts';

/** A comment, which clients ignore: it tells proxies and clients that the stream is alive. */
export const sseComment = ':\n\n';

const commonHeaders = {
  'cache-control': 'no-cache, no-transform',
  // Keeps proxies such as nginx from buffering the stream.
  'x-accel-buffering': 'no',
};

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
