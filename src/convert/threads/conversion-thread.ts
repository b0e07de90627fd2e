import { Worker } from 'node:worker_threads';
import { fromFailure } from './messages.ts';
import type { Answers, Reply, Request } from './messages.ts';

// The compiler renames the extensions of imports, not of URLs.
const workerUrl = new URL(`./worker${import.meta.url.slice(-3)}`, import.meta.url);

interface Waiting {
  readonly resolve: (answer: Answers[keyof Answers]) => void;
  readonly reject: (error: Error) => void;
}

/** A worker thread that answers one request at a time. */
export class ConversionThread {
  readonly #worker = new Worker(workerUrl);
  #waiting: Waiting | undefined;
  #ended: Error | undefined;

  constructor() {
    this.#worker.on('message', (reply: Reply) => {
      const waiting = this.#waiting;
      this.#waiting = undefined;
      if ('failure' in reply) waiting?.reject(fromFailure(reply.failure));
      else waiting?.resolve(reply.answer);
    });
    this.#worker.on('error', (error: Error) => this.#fail(error));
    this.#worker.on('exit', () => this.#fail(new Error('The conversion thread ended before it answered.')));
  }

  /** Sends a request; its answer must have come before the next is sent. Rejects with what the thread threw. */
  request<Kind extends Request['kind']>(request: Extract<Request, { kind: Kind }>): Promise<Answers[Kind]> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== undefined) return reject(this.#ended);
      this.#waiting = { resolve: (answer) => resolve(answer as Answers[Kind]), reject };
      this.#worker.postMessage(request, []);
    });
  }

  /** Stops the thread, in the middle of a request if need be, and resolves when nothing of it runs any more. */
  async close(): Promise<void> {
    await this.#worker.terminate();
  }

  #fail(error: Error): void {
    this.#ended ??= error;
    this.#waiting?.reject(error);
    this.#waiting = undefined;
  }
}
