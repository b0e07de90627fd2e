import { MessageChannel } from 'node:worker_threads';

/** A port that nobody listens at: what is sent there is dropped. */
const nowhere = (() => {
  const { port1, port2 } = new MessageChannel();
  port2.close();
  return port1;
})();

/**
 * Frees the memory of bytes that own it; their length is 0 then. What waits for the garbage collector counts as used: a few
 * megabytes of images in each request would bring about a full collection for each.
 */
export function freeMemory(pieces: readonly Uint8Array<ArrayBuffer>[]): void {
  nowhere.postMessage(undefined, [...new Set(pieces.map(({ buffer }) => buffer))]);
}
