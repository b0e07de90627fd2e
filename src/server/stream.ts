import type { Framing } from '../api/index.ts';

/**
 * What clients ignore, to tell them and proxies that a stream is alive: a comment, or white space before the next JSON
 * text. Not an empty line, which some clients take for one.
 */
export const fillers: Readonly<Record<Framing, string>> = { sse: ':\n\n', ndjson: ' ' };

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
