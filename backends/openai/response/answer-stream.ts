import { createParser } from 'eventsource-parser';
import type { EventSourceParser } from 'eventsource-parser';
import type { GenerationEvent } from '../../../src/backend/index.ts';
import { messageOf } from '../../../src/errors/index.ts';
import { connectionFailure, malformed } from '../upstream-failure.ts';
import type { UpstreamFailure } from '../upstream-failure.ts';
import type { AnswerReaderOptions } from './answer-reader.ts';
import { AnswerReader } from './answer-reader.ts';
import type { ChunkJson } from './chunk-json.ts';
import type { ErrorSource } from './error-response.ts';
import { streamFailure } from './error-response.ts';
import type { Exchange, PieceReader } from './exchange.ts';

/** No chunk is as long: the upstream sends something else. */
const MAX_CHUNK_CHARACTERS = 64 * 1024 * 1024;

interface Waiting {
  readonly resolve: (event: GenerationEvent | undefined) => void;
  readonly reject: (failure: UpstreamFailure) => void;
}

/**
 * The events of a response that is a stream of server-sent events. Each piece is read as it comes, so that an event costs
 * one promise at most, and what came in one piece costs none.
 */
export class AnswerStream implements PieceReader {
  readonly #exchange: Exchange;
  readonly #source: ErrorSource;
  readonly #reader: AnswerReader;
  readonly #parser: EventSourceParser;
  #events: GenerationEvent[] = [];
  #next = 0;
  #waiting: Waiting | undefined;
  #failure: UpstreamFailure | undefined;
  #isDone = false;

  /** Of a response whose head has come. */
  constructor(exchange: Exchange, source: ErrorSource, options: AnswerReaderOptions) {
    this.#exchange = exchange;
    this.#source = source;
    this.#reader = new AnswerReader(options);
    this.#parser = createParser({
      maxBufferSize: MAX_CHUNK_CHARACTERS,
      onEvent: ({ data }) => this.#read(data),
      onError: ({ type, message }) => {
        if (type === 'max-buffer-size-exceeded') this.#failure ??= malformed(message, source.upstream);
      },
    });
    exchange.readWith(this);
  }

  /** An event that has come already. */
  take(): GenerationEvent | undefined {
    const event = this.#events[this.#next];
    if (event === undefined) return undefined;
    this.#next += 1;
    if (this.#next === this.#events.length) {
      this.#events = [];
      this.#next = 0;
      this.#exchange.consumed();
    }
    return event;
  }

  /** The next event; undefined at the end. Throws an `UpstreamFailure`. One call at a time. */
  next(): Promise<GenerationEvent | undefined> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#tell();
    });
  }

  piece(text: string): void {
    this.#parser.feed(text);
    // A piece may have no event at all.
    if (this.#events.length === 0) this.#exchange.consumed();
    this.#tell();
  }

  end(): void {
    this.#end();
    this.#tell();
  }

  fail(reason: unknown): void {
    // Where everything was said, what becomes of the connection is no matter.
    if (this.#reader.isFinished) this.#end();
    else this.#failure ??= connectionFailure(reason, { isSent: true, upstream: this.#source.upstream });
    this.#tell();
  }

  /** Gives who waits what there is. */
  #tell(): void {
    const waiting = this.#waiting;
    const hasEvent = this.#next < this.#events.length;
    if (waiting === undefined || (!hasEvent && this.#failure === undefined && !this.#isDone)) return;
    // Taking the last event may let the upstream go on, and further pieces come meanwhile.
    this.#waiting = undefined;
    if (!hasEvent && this.#failure !== undefined) waiting.reject(this.#failure);
    else waiting.resolve(this.take());
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
      this.#failure = malformed(`${messageOf(error)} in ${data.slice(0, 200)}`, this.#source.upstream);
    }
  }

  /** Throws anything for what is no chunk. */
  #readChunk(chunk: ChunkJson): void {
    if (chunk.error !== undefined && chunk.error !== null) this.#failure = streamFailure(chunk, this.#source);
    else this.#reader.read(chunk, this.#events);
  }

  #end(): void {
    if (this.#isDone) return;
    this.#isDone = true;
    if (!this.#reader.end(this.#events)) {
      this.#failure ??= malformed('the stream ended before its answer', this.#source.upstream);
    }
  }
}
