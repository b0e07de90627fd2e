import type { ServerResponse } from 'node:http';
import { SILENCE_MS } from './stream.ts';

/** How much may be written that the client has yet to read. Larger than any answer. */
const MAX_AHEAD_BYTES = 1024 * 1024;
/** Heartbeats follow one another at three times the silence before the first: after 5 s, then every 15. */
const SILENCES_A_HEARTBEAT = 3;

/** What a client hears where there is no text. */
export interface Heartbeat {
  /** Undefined for nothing. */
  readonly heartbeat: string | undefined;
  /** Whether the client has heard nothing for a while already. */
  readonly isSilent: boolean;
}

/** Writes a streamed response piece by piece. */
export class StreamOutput {
  readonly #response: ServerResponse;
  /** One timer for all texts: this runs for every token. */
  readonly #silence: NodeJS.Timeout | undefined;
  readonly #heartbeat: string;
  /** How often the time of a silence has passed since the last text. */
  #silences = 0;

  constructor(response: ServerResponse, { heartbeat, isSilent }: Heartbeat) {
    this.#response = response;
    this.#heartbeat = heartbeat ?? '';
    // The end of the connection is told by the signal of its request.
    response.on('error', () => undefined);
    if (heartbeat === undefined) return;
    this.#silence = setTimeout(() => this.#breakSilence(), SILENCE_MS);
    if (isSilent) this.#breakSilence();
  }

  /** Whether the client is so far behind that no more should be written. */
  get isFull(): boolean {
    return this.#response.writableLength > MAX_AHEAD_BYTES;
  }

  write(text: string): void {
    if (this.#response.destroyed) return;
    this.#response.write(text);
    this.#silences = 0;
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
    const isTime = this.#silences % SILENCES_A_HEARTBEAT === 0;
    this.#silences += 1;
    // Not if the client has yet to read the last text.
    if (isTime && !this.#response.destroyed && this.#response.writableLength === 0) {
      this.#response.write(this.#heartbeat);
    }
    this.#silence?.refresh();
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
