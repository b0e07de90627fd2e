import { Worker } from 'node:worker_threads';
import type { GrammarReply, GrammarResult } from './grammar-messages.ts';

// The compiler renames the extensions of imports, not of URLs.
const workerUrl = new URL(`./grammar-worker${import.meta.url.slice(-3)}`, import.meta.url);

/** What takes longer is stopped: the work is counted, so only a machine that has no time for this thread gets here. */
const MOST_MS = 120_000;
const MOST_HEAP_MB = 256;
/** Of what has just been made. With V8's own, the thread holds some 20 MB more, and is not faster. */
const YOUNG_HEAP_MB = 4;

interface Job {
  readonly task: string;
  readonly signal: AbortSignal;
  readonly resolve: (result: GrammarResult) => void;
  readonly reject: (reason: unknown) => void;
}

/** A thread that compiles formats, one task after the other. It starts with the first, and does not keep the process alive. */
export class GrammarThread {
  readonly #workerUrl: URL;
  readonly #mostMs: number;
  readonly #queue: Job[] = [];
  #worker: Worker | undefined;
  #running: Job | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor({ url = workerUrl, mostMs = MOST_MS }: { url?: URL; mostMs?: number } = {}) {
    this.#workerUrl = url;
    this.#mostMs = mostMs;
  }

  /** Compiles the JSON text of a `GrammarTask`. Throws the signal's reason; the thread then turns to the next task. */
  async compile(task: string, signal: AbortSignal): Promise<GrammarResult> {
    signal.throwIfAborted();
    let leave: (() => void) | undefined;
    try {
      return await new Promise<GrammarResult>((resolve, reject) => {
        const job: Job = { task, signal, resolve, reject };
        leave = () => this.#drop(job);
        signal.addEventListener('abort', leave, { once: true });
        this.#queue.push(job);
        this.#next();
      });
    } finally {
      if (leave !== undefined) signal.removeEventListener('abort', leave);
    }
  }

  /** Ends the thread. The tasks that it has not answered fail. */
  async close(): Promise<void> {
    const ended = new Error('The grammar thread was closed.');
    for (const { reject } of this.#queue.splice(0)) reject(ended);
    await this.#stop(ended);
  }

  #next(): void {
    if (this.#running !== undefined) return;
    this.#running = this.#queue.shift();
    if (this.#running === undefined) return;
    this.#worker ??= this.#start();
    this.#worker.ref();
    this.#timer = setTimeout(() => this.#giveUp(), this.#mostMs);
    this.#worker.postMessage(this.#running.task, []);
  }

  #start(): Worker {
    const resourceLimits = { maxOldGenerationSizeMb: MOST_HEAP_MB, maxYoungGenerationSizeMb: YOUNG_HEAP_MB };
    const worker = new Worker(this.#workerUrl, { resourceLimits });
    worker.on('message', (reply: GrammarReply) => {
      if (worker !== this.#worker) return;
      worker.unref();
      this.#settle((job) =>
        'defect' in reply ? job.reject(new Error(`The grammar thread failed: ${reply.defect}`)) : job.resolve(reply),
      );
    });
    worker.on('error', (error: Error & { code?: string }) => {
      if (worker !== this.#worker) return;
      this.#worker = undefined;
      const isFull = error.code === 'ERR_WORKER_OUT_OF_MEMORY';
      const failure = new Error('The grammar thread failed.', { cause: error });
      this.#settle((job) => (isFull ? job.resolve(tooMuch('memory')) : job.reject(failure)));
    });
    return worker;
  }

  #settle(settle: (job: Job) => void): void {
    clearTimeout(this.#timer);
    const job = this.#running;
    this.#running = undefined;
    if (job !== undefined) settle(job);
    this.#next();
  }

  #drop(job: Job): void {
    const at = this.#queue.indexOf(job);
    if (at >= 0) this.#queue.splice(at, 1);
    job.reject(job.signal.reason);
    if (job === this.#running) void this.#stop(job.signal.reason);
  }

  #giveUp(): void {
    this.#running?.resolve(tooMuch('time'));
    void this.#stop(undefined);
  }

  /** Ends the thread in the middle of its task, which fails unless it is settled. The next task starts another. */
  async #stop(reason: unknown): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    this.#settle((job) => job.reject(reason));
    await worker?.terminate();
  }
}

function tooMuch(resource: 'time' | 'memory'): GrammarResult {
  return { fault: { index: 0, place: '', message: `Compiling it takes too much ${resource}. Make it simpler.` } };
}
