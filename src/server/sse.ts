const encoder = new TextEncoder();

/** One server-sent event with a JSON value. */
export function sseEvent(value: unknown): string {
  return `data: ${JSON.stringify(value)}\n\n`;
}

/** The event that ends OpenAI's streams. */
export const sseDone = 'data: [DONE]\n\n';

/** Stands for nothing: it tells proxies and clients that the answer goes on. */
export const sseComment = ':\n\n';

export const sseHeaders = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-transform',
  // Proxies such as nginx would collect the stream otherwise.
  'x-accel-buffering': 'no',
} as const;

/** The texts of an iterator, and a comment whenever the next takes longer than `intervalMs`. */
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

/** Whether a promise is fulfilled before the time is over. Rejects where it does so before. */
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
 * A byte stream of the texts of an iterator, which is asked for the next only when the client has room for it. A client
 * that goes away makes the iterator return.
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
