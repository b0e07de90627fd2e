import type { GenerationEvent } from '../../src/backend/index.ts';
import type { AnswerEvents } from './answer-events.ts';

type Result = IteratorResult<GenerationEvent, undefined>;

export interface GenerationSource {
  readonly answers: AnswerEvents;
  readonly signal: AbortSignal;
  /** Submits the request; resolves with the number of prompt tokens. */
  submit(): Promise<number>;
  /** Drops the request, in any state. May be called again. */
  drop(): void;
}

const done: Result = { done: true, value: undefined };

/**
 * The events of a request, as its reader asks for them: one `next()` at a time. Not a generator function: every token of every
 * answer comes through here, and those take several promises for each.
 */
export class Generation implements AsyncIterableIterator<GenerationEvent, undefined, undefined> {
  readonly #source: GenerationSource;
  #state: 'new' | 'open' | 'ended' = 'new';
  #reader: { resolve(result: Result): void; reject(reason: unknown): void } | undefined;

  constructor(source: GenerationSource) {
    this.#source = source;
  }

  get answers(): AnswerEvents {
    return this.#source.answers;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<Result> {
    if (this.#state === 'new') return this.#open();
    return new Promise((resolve, reject) => {
      this.#reader = { resolve, reject };
      this.settle();
    });
  }

  return(): Promise<Result> {
    this.#end();
    this.settle();
    return Promise.resolve(done);
  }

  /** Gives the reader the next event, if it waits for one and there is one. */
  settle(): void {
    const reader = this.#reader;
    if (reader === undefined) return;
    try {
      const result = this.#take();
      if (result === undefined) return;
      this.#reader = undefined;
      reader.resolve(result);
    } catch (error) {
      this.#reader = undefined;
      this.#end();
      reader.reject(error);
    }
  }

  async #open(): Promise<Result> {
    const { signal } = this.#source;
    this.#state = 'open';
    try {
      signal.throwIfAborted();
      signal.addEventListener('abort', this.#onAbort, { once: true });
      const promptTokens = await this.#source.submit().finally(() => {
        signal.throwIfAborted();
      });
      return { done: false, value: { type: 'start', promptTokens } };
    } catch (error) {
      this.#end();
      throw error;
    }
  }

  #take(): Result | undefined {
    const { answers, signal } = this.#source;
    if (this.#state === 'ended') return done;
    signal.throwIfAborted();
    const event = answers.take();
    if (event !== undefined) return { done: false, value: event };
    if (!answers.allTaken) return undefined;
    this.#end();
    return done;
  }

  readonly #onAbort = (): void => {
    this.#source.drop();
    this.settle();
  };

  #end(): void {
    if (this.#state === 'open') {
      this.#source.signal.removeEventListener('abort', this.#onAbort);
      this.#source.drop();
    }
    this.#state = 'ended';
  }
}
