import type { ServerResponse } from 'node:http';
import { sseComment } from './stream.ts';

/** How much may be written that the client has yet to read. Larger than any answer. */
const MAX_AHEAD_BYTES = 1024 * 1024;

/** Writes a streamed response piece by piece. */
export class StreamOutput {
  readonly #response: ServerResponse;
  /** One timer for all texts: this runs for every token. */
  readonly #silence: NodeJS.Timeout | undefined;

  /** `silenceMs`: after that long without a text, an SSE comment is sent. */
  constructor(response: ServerResponse, silenceMs: number | undefined) {
    this.#response = response;
    // The end of the connection is told by the signal of its request.
    response.on('error', () => undefined);
    if (silenceMs !== undefined) this.#silence = setTimeout(() => this.#breakSilence(), silenceMs);
  }

  /** Whether the client is so far behind that no more should be written. */
  get isFull(): boolean {
    return this.#response.writableLength > MAX_AHEAD_BYTES;
  }

  write(text: string): void {
    if (this.#response.destroyed) return;
    this.#response.write(text);
    this.#silence?.refresh();
  }

  /** Waits until the client has read everything, or has left. */
  drained(signal: AbortSignal): Promise<void> {
    return this.#settled('drain', signal);
  }

  /** Ends the response, and waits until it is with the operating system, or the client has left. */
  end(signal: AbortSignal): Promise<void> {
    clearTimeout(this.#silence);
    const sent = this.#settled('finish', signal);
    this.#response.end();
    return sent;
  }

  #breakSilence(): void {
    // Not if the client has yet to read the last text.
    if (this.#response.writableLength === 0) this.write(sseComment);
    else this.#silence?.refresh();
  }

  /** Waits for an event, unless none will come. A response behind others on its connection learns of its end by the signal. */
  #settled(event: 'drain' | 'finish', signal: AbortSignal): Promise<void> {
    const response = this.#response;
    if (signal.aborted || response.destroyed) return Promise.resolve();
    return new Promise((resolve) => {
      const settle = (): void => {
        response.off(event, settle);
        response.off('close', settle);
        signal.removeEventListener('abort', settle);
        resolve();
      };
      response.once(event, settle);
      response.once('close', settle);
      signal.addEventListener('abort', settle, { once: true });
    });
  }
}
