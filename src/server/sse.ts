const encoder = new TextEncoder();

/** One server-sent event with a JSON value. */
export function sseEvent(value: unknown): string {
  return `data: ${JSON.stringify(value)}\n\n`;
}

/** The event that ends OpenAI's streams. */
export const sseDone = 'data: [DONE]\n\n';

export const sseHeaders = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-transform',
  // Proxies such as nginx would collect the stream otherwise.
  'x-accel-buffering': 'no',
} as const;

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
