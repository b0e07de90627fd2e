const encoder = new TextEncoder();

/** A server-sent event with the JSON text of a value. */
export function sseEvent(json: string): string {
  return `data: ${json}\n\n`;
}

/** The final event of OpenAI's streams. */
export const sseDone = 'data: [DONE]\n\n';

/** A comment, which clients ignore: it tells proxies and clients that the stream is alive. */
export const sseComment = ':\n\n';

export const sseHeaders = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-transform',
  // Keeps proxies such as nginx from buffering the stream.
  'x-accel-buffering': 'no',
} as const;

/** Passes on the texts of an iterator, with a comment whenever the next one takes longer than `intervalMs`. */
export async function* keptAlive(
  texts: AsyncGenerator<string, void, undefined>,
  intervalMs: number,
): AsyncGenerator<string, void, undefined> {
  try {
    for (;;) {
      const next = texts.next();
      while (!(await settlesWithin(next, intervalMs))) yield sseComment;
      const { done, value } = await next;
      if (done === true) return;
      yield value;
    }
  } finally {
    await texts.return();
  }
}

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
 * the client disconnects.
 */
export function byteStream(texts: AsyncGenerator<string, void, undefined>): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await texts.next();
        if (done === true) controller.close();
        else controller.enqueue(encoder.encode(value));
      },
      async cancel() {
        await texts.return();
      },
    },
    { highWaterMark: 0 },
  );
}
