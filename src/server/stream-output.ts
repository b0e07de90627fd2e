import type { ServerResponse } from 'node:http';
import type { Writable } from 'node:stream';
import { SILENCE_MS } from './stream.ts';

/** How much may be written that the client has yet to read. Larger than any answer. */
const MAX_AHEAD_BYTES = 1024 * 1024;
/** More text than this does not wait for what else comes in the same turn of the event loop. */
const MAX_GATHERED_CHARACTERS = 64 * 1024;
/** Heartbeats follow one another at three times the silence before the first: after 5 s, then every 15. */
const SILENCES_A_HEARTBEAT = 3;

/** What a client hears where there is no text. */
export interface Heartbeat {
  /** Undefined for nothing. */
  readonly heartbeat: string | undefined;
  /** Whether the client has heard nothing for a while already. */
  readonly isSilent: boolean;
}

/**
 * Writes the body of a streamed response. Texts of the same turn of the event loop leave together: a write to a socket takes
 * longer than all else that is done for a token. Where it is the response's turn on its connection, they go straight to the
 * socket, with the frame of their chunk: `ServerResponse` makes four writes of a chunk.
 */
export class StreamOutput {
  readonly #response: ServerResponse;
  readonly #isChunked: boolean;
  #headIsSent = false;
  #gathered = '';
  /** One timer for all texts: this runs for every token. */
  readonly #silence: NodeJS.Timeout | undefined;
  readonly #heartbeat: string | undefined;
  /** How often the time of a silence has passed since the last text. */
  #silences = 0;

  /** Of a response whose head is written. */
  constructor(response: ServerResponse, { heartbeat, isSilent }: Heartbeat) {
    this.#response = response;
    this.#heartbeat = heartbeat;
    this.#isChunked = response.chunkedEncoding;
    response.chunkedEncoding = false;
    // The end of the connection is told by the signal of its request.
    response.on('error', () => undefined);
    // The head leaves with the first text, if that is there.
    process.nextTick(() => this.#sendHead());
    if (heartbeat === undefined) return;
    this.#silence = setTimeout(() => this.#noteSilence(), SILENCE_MS);
    if (isSilent) this.#noteSilence();
  }

  /** Whether the client is so far behind that no more should be written. */
  get isFull(): boolean {
    return this.#response.writableLength > MAX_AHEAD_BYTES;
  }

  write(text: string): void {
    if (text === '') return;
    if (this.#gathered === '') process.nextTick(this.#flush);
    this.#gathered += text;
    if (this.#gathered.length > MAX_GATHERED_CHARACTERS) this.#flush();
  }

  readonly #flush = (): void => {
    const text = this.#gathered;
    if (text === '') return;
    this.#gathered = '';
    this.#send(text);
    this.#silences = 0;
    this.#silence?.refresh();
  };

  #send(text: string): void {
    const response = this.#response;
    // An empty chunk would end the body.
    if (text === '' || response.destroyed || response.writableEnded) return;
    const chunk = this.#isChunked ? `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n` : text;
    if (this.#headIsSent && response.socket !== null) response.socket.write(chunk);
    else response.write(chunk);
    this.#headIsSent = true;
  }

  /** Waits until the client has read everything, or has left. */
  drained(signal: AbortSignal): Promise<void> {
    return settled(this.#response.socket ?? this.#response, 'drain', signal);
  }

  /** Ends the response, and waits until it is with the operating system, or the client has left. */
  end(signal: AbortSignal): Promise<void> {
    this.#flush();
    clearTimeout(this.#silence);
    const sent = settled(this.#response, 'finish', signal);
    this.#response.end(this.#isChunked ? '0\r\n\r\n' : '');
    return sent;
  }

  /** Sends a heartbeat, if the stream has any, unless the client has yet to read the last text. */
  breakSilence(): void {
    if (this.#gathered === '' && this.#heartbeat !== undefined && this.#response.writableLength === 0)
      this.#send(this.#heartbeat);
  }

  #noteSilence(): void {
    if (this.#silences % SILENCES_A_HEARTBEAT === 0) this.breakSilence();
    this.#silences += 1;
    this.#silence?.refresh();
  }

  #sendHead(): void {
    this.#flush();
    if (this.#headIsSent || this.#response.destroyed) return;
    this.#headIsSent = true;
    this.#response.flushHeaders();
  }
}

/** Waits for an event, unless none will come. A response behind others on its connection learns of its end by the signal. */
function settled(stream: Writable, event: 'drain' | 'finish', signal: AbortSignal): Promise<void> {
  if (signal.aborted || stream.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    const settle = (): void => {
      stream.off(event, settle);
      stream.off('close', settle);
      signal.removeEventListener('abort', settle);
      resolve();
    };
    stream.once(event, settle);
    stream.once('close', settle);
    signal.addEventListener('abort', settle, { once: true });
  });
}
