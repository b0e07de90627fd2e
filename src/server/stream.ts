import type { Framing } from '../api/index.ts';

const encoder = new TextEncoder();

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

/**
 * A byte stream of the texts of an iterator, pulled only when the client has room for more. The iterator returns when
 * the client disconnects. `silenceMs`: whenever the next text takes longer than that, an SSE comment is sent.
 */
export function byteStream(
  texts: AsyncGenerator<string, void, undefined>,
  silenceMs?: number,
): ReadableStream<Uint8Array> {
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  let isAwaited = false;
  // One timer for all texts: this runs for every token.
  let timer: NodeJS.Timeout | undefined;
  const breakSilence = (): void => {
    if (!isAwaited) return;
    // Not if the client has yet to read the last one.
    if (controller?.desiredSize === 0) controller.enqueue(encoder.encode(sseComment));
    timer?.refresh();
  };
  return new ReadableStream<Uint8Array>(
    {
      start(given) {
        controller = given;
      },
      async pull(given) {
        if (timer !== undefined) timer.refresh();
        else if (silenceMs !== undefined) timer = setTimeout(breakSilence, silenceMs);
        isAwaited = true;
        let isOpen = false;
        try {
          const { done, value } = await texts.next();
          isOpen = done !== true;
          if (done === true) given.close();
          else given.enqueue(encoder.encode(value));
        } finally {
          isAwaited = false;
          if (!isOpen) clearTimeout(timer);
        }
      },
      async cancel() {
        clearTimeout(timer);
        await texts.return();
      },
    },
    { highWaterMark: 0 },
  );
}
