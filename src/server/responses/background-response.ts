import type { ResponseJson, ResponseRequest } from '../../api/responses/index.ts';
import { EventWriter } from '../../api/responses/index.ts';
import type { AnswerIdentity } from '../../api/index.ts';
import type { GenerationEvent } from '../../backend/index.ts';

/** Estimated overhead of a string. */
const TEXT_BYTES = 32;

/** A response that is made whether or not a client waits for it, and the events of it that clients may read again. */
export class BackgroundResponse {
  readonly #writer: EventWriter;
  readonly #cancelling = new AbortController();
  readonly #isStreamed: boolean;
  /** The text of each event, by its number, if the response was asked for as a stream. */
  readonly #texts: string[] = [];
  /** Those who wait for the next event, or the end. */
  readonly #waiting: (() => void)[] = [];
  #isFinished = false;

  constructor(identity: AnswerIdentity, { answer, stream }: Pick<ResponseRequest, 'answer' | 'stream'>) {
    this.#writer = new EventWriter(identity, answer, () => undefined);
    this.#isStreamed = stream;
    this.#add(this.#writer.queued());
  }

  get response(): ResponseJson {
    return this.#writer.response;
  }

  get isStreamed(): boolean {
    return this.#isStreamed;
  }

  get isFinished(): boolean {
    return this.#isFinished;
  }

  /** Waits until the response has ended, in whatever way. */
  async finished(): Promise<void> {
    while (!this.#isFinished) await this.#change();
  }

  /** Memory of the events. */
  get keptBytes(): number {
    return this.#texts.reduce((sum, { length }) => sum + TEXT_BYTES + length, 0);
  }

  /** Ends it as cancelled, unless it has ended. */
  cancel(): void {
    this.#cancelling.abort();
  }

  /** Makes the response. `start` begins the generation; `onFailure` is told of what is not the client's own doing. */
  async run(
    start: (signal: AbortSignal) => AsyncIterable<GenerationEvent>,
    onFailure: (error: unknown) => void,
  ): Promise<void> {
    try {
      for await (const event of start(this.#cancelling.signal)) this.#add(this.#writer.of(event));
      this.#add(this.#writer.end());
    } catch (error) {
      const isCancelled = this.#cancelling.signal.aborted;
      if (!isCancelled) onFailure(error);
      this.#add(isCancelled ? this.#writer.cancelled() : this.#writer.failure(error));
    } finally {
      this.#isFinished = true;
      this.#wake();
    }
  }

  /** The texts of the events from this number on, until the response has ended or the signal is aborted. */
  async *texts(from: number, signal: AbortSignal): AsyncGenerator<string, void, undefined> {
    const wake = (): void => this.#wake();
    signal.addEventListener('abort', wake);
    try {
      for (let next = from; !signal.aborted;) {
        const texts = this.#texts.slice(next);
        next += texts.length;
        if (texts.length > 0) yield texts.join('');
        else if (this.#isFinished) return;
        else await this.#change();
      }
    } finally {
      signal.removeEventListener('abort', wake);
    }
  }

  #add(texts: readonly string[]): void {
    if (!this.#isStreamed || texts.length === 0) return;
    this.#texts.push(...texts);
    this.#wake();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #wake(): void {
    for (const resume of this.#waiting.splice(0)) resume();
  }
}
