import { setImmediate } from 'node:timers/promises';

/** A body whose pieces are made as the client takes them, each in a turn of the event loop of its own. */
export function pieceStream(pieces: Iterator<Uint8Array>): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      await setImmediate();
      const { value, done } = pieces.next();
      if (done === true) controller.close();
      else controller.enqueue(value);
    },
  });
}
