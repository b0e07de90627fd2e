import { createParser } from 'eventsource-parser';
import type { EventSourceParser } from 'eventsource-parser';
import type { GenerationEvent } from '../../../src/backend/index.ts';
import { messageOf } from '../../../src/errors/index.ts';
import { connectionFailure, malformed } from '../upstream-failure.ts';
import type { UpstreamFailure } from '../upstream-failure.ts';
import type { AnswerReaderOptions } from './answer-reader.ts';
import { AnswerReader } from './answer-reader.ts';
import type { ChunkJson } from './chunk-json.ts';
import { streamFailure } from './error-response.ts';
import type { Exchange } from './exchange.ts';

/** No chunk is as long: the upstream sends something else. */
const MAX_CHUNK_CHARACTERS = 64 * 1024 * 1024;

/** The events of a response that is a stream of server-sent events. */
export class AnswerStream {
  readonly #exchange: Exchange;
  readonly #upstream: string;
  readonly #reader: AnswerReader;
  readonly #parser: EventSourceParser;
  #events: GenerationEvent[] = [];
  #next = 0;
  #failure: UpstreamFailure | undefined;
  #isDone = false;

  /** Of a response whose head has come. `upstream` is its name for the log. */
  constructor(exchange: Exchange, upstream: string, options: AnswerReaderOptions) {
    this.#exchange = exchange;
    this.#upstream = upstream;
    this.#reader = new AnswerReader(options);
    this.#parser = createParser({
      maxBufferSize: MAX_CHUNK_CHARACTERS,
      onEvent: ({ data }) => this.#read(data),
      onError: ({ type, message }) => {
        if (type === 'max-buffer-size-exceeded') this.#failure ??= malformed(message, upstream);
      },
    });
  }

  /** An event that has come already; what is told of it costs no promise. */
  take(): GenerationEvent | undefined {
    const event = this.#events[this.#next];
    if (event === undefined) return undefined;
    this.#next += 1;
    if (this.#next === this.#events.length) {
      this.#events = [];
      this.#next = 0;
    }
    return event;
  }

  /** Waits for further events; false at the end. Throws an `UpstreamFailure`. */
  async more(): Promise<boolean> {
    while (this.#events.length === 0) {
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#isDone) return false;
      const piece = await this.#piece();
      if (piece === undefined) this.#end();
      else this.#parser.feed(piece);
    }
    return true;
  }

  async #piece(): Promise<string | undefined> {
    try {
      return await this.#exchange.next();
    } catch (error) {
      // Everything was said: what becomes of the connection is no matter.
      if (this.#reader.isFinished) return undefined;
      throw connectionFailure(error, { isSent: true, upstream: this.#upstream });
    }
  }

  #read(data: string): void {
    if (this.#isDone || this.#failure !== undefined) return;
    if (data === '[DONE]') {
      this.#end();
      return;
    }
    try {
      this.#readChunk(JSON.parse(data) as ChunkJson);
    } catch (error) {
      this.#failure = malformed(`${messageOf(error)} in ${data.slice(0, 200)}`, this.#upstream);
    }
  }

  /** Throws anything for what is no chunk. */
  #readChunk(chunk: ChunkJson): void {
    if (chunk.error !== undefined && chunk.error !== null) this.#failure = streamFailure(chunk, this.#upstream);
    else this.#reader.read(chunk, this.#events);
  }

  #end(): void {
    if (this.#isDone) return;
    this.#isDone = true;
    if (!this.#reader.end(this.#events)) {
      this.#failure ??= malformed('the stream ended before its answer', this.#upstream);
    }
  }
}
