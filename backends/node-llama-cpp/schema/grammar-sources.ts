import { createHash } from 'node:crypto';
import type { AnswerFormat } from '../../../src/backend/index.ts';
import { type CompiledFormat, type GrammarSource, isCompiled, plainSource } from './answer-source.ts';
import { compileTask } from './compile-task.ts';
import type { GrammarResult } from './grammar-messages.ts';
import { GrammarThread } from './grammar-thread.ts';
import { refuse } from './refuse.ts';
import { largeSampleFormats, sampleFormats } from './sample-formats.ts';
import { OutOfWork } from './work-budget.ts';

/** Formats of that size are compiled at once, in well under a millisecond, if they take no more work than usual. */
const SMALL_BYTES = 4096;
const SMALL_UNITS = 10_000;
const MOST_KEPT_BYTES = 4 * 1024 * 1024;

/** A compilation that requests with the same formats wait for. */
interface Running {
  readonly result: Promise<GrammarResult>;
  readonly stop: AbortController;
  waiting: number;
}

/**
 * Compiles formats of answers, large ones in a thread, and keeps what was used last. A compilation that no request waits for
 * any more is stopped.
 */
export class GrammarSources {
  readonly #thread: GrammarThread;
  readonly #kept = new Map<string, readonly GrammarSource[]>();
  readonly #running = new Map<string, Running>();
  #keptBytes = 0;

  constructor(thread = new GrammarThread()) {
    this.#thread = thread;
  }

  /** The grammar of an answer; undefined for any text. Throws as `compileAll`. */
  async compile(format: AnswerFormat, signal: AbortSignal): Promise<GrammarSource | undefined> {
    if (!isCompiled(format)) return plainSource(format);
    const [source] = await this.compileAll([format], signal);
    return source;
  }

  /** Throws `invalid_request` with the `param` of what cannot be kept, and the signal's reason. */
  async compileAll(formats: readonly CompiledFormat[], signal: AbortSignal): Promise<readonly GrammarSource[]> {
    if (formats.length === 0) return [];
    const task = JSON.stringify(formats.map((format) => ({ ...format, param: undefined })));
    const key = createHash('sha256').update(task).digest('base64');
    const kept = this.#kept.get(key);
    if (kept !== undefined) {
      this.#kept.delete(key);
      this.#kept.set(key, kept);
      return kept;
    }
    const result = small(task) ?? (await this.#inThread(task, key, signal));
    if ('fault' in result) {
      const { index, place, message } = result.fault;
      refuse(`${formats[index]?.param ?? ''}${place}`, message);
    }
    this.#keep(key, result.sources);
    return result.sources;
  }

  /**
   * Starts the thread, and makes it compile some formats, one after the other: a client's comes in between. Resolves with the
   * grammar of the last, rejects when it is closed.
   */
  async warmUp(): Promise<GrammarSource | undefined> {
    let last: GrammarSource | undefined;
    for (const format of sampleFormats()) last = await this.#sample(format);
    return last;
  }

  /** The same with large formats, each once `idle` has resolved. */
  async warmUpLarge(idle: () => Promise<void>): Promise<GrammarSource | undefined> {
    let last: GrammarSource | undefined;
    for (const format of largeSampleFormats()) {
      await idle();
      last = await this.#sample(format);
    }
    return last;
  }

  async #sample(format: CompiledFormat): Promise<GrammarSource | undefined> {
    const result = await this.#thread.compile(JSON.stringify([format]), new AbortController().signal);
    if ('fault' in result) throw new Error(`A sample cannot be compiled: ${result.fault.message}`);
    return result.sources[0];
  }

  async close(): Promise<void> {
    await this.#thread.close();
  }

  async #inThread(task: string, key: string, signal: AbortSignal): Promise<GrammarResult> {
    signal.throwIfAborted();
    const running = this.#running.get(key) ?? this.#start(task, key);
    running.waiting++;
    let onAbort: (() => void) | undefined;
    const aborted = new Promise<never>((_, reject) => {
      onAbort = () => reject(signal.reason);
      signal.addEventListener('abort', onAbort, { once: true });
    });
    try {
      return await Promise.race([running.result, aborted]);
    } finally {
      if (onAbort !== undefined) signal.removeEventListener('abort', onAbort);
      if (--running.waiting === 0) {
        this.#forget(key, running);
        running.stop.abort();
      }
    }
  }

  #start(task: string, key: string): Running {
    const stop = new AbortController();
    const running: Running = { result: this.#thread.compile(task, stop.signal), stop, waiting: 0 };
    this.#running.set(key, running);
    running.result.catch(() => undefined);
    return running;
  }

  #forget(key: string, running: Running): void {
    if (this.#running.get(key) === running) this.#running.delete(key);
  }

  #keep(key: string, sources: readonly GrammarSource[]): void {
    const bytes = bytesOf(sources);
    if (this.#kept.has(key) || bytes > MOST_KEPT_BYTES / 4) return;
    this.#kept.set(key, sources);
    this.#keptBytes += bytes;
    for (const [oldest, others] of this.#kept) {
      if (this.#keptBytes <= MOST_KEPT_BYTES) return;
      this.#kept.delete(oldest);
      this.#keptBytes -= bytesOf(others);
    }
  }
}

/** Undefined where it takes more work than a small task may. */
function small(task: string): GrammarResult | undefined {
  if (task.length > SMALL_BYTES) return undefined;
  try {
    return compileTask(JSON.parse(task) as readonly CompiledFormat[], SMALL_UNITS);
  } catch (error) {
    if (error instanceof OutOfWork) return undefined;
    throw error;
  }
}

function bytesOf(sources: readonly GrammarSource[]): number {
  return sources.reduce((sum, { schema, gbnf, argumentTexts = [], quotedValues = [] }) => {
    const named = [...argumentTexts, ...quotedValues];
    const texts = named.reduce((total, { name, gbnf }) => total + name.length + gbnf.length, 0);
    return sum + schema.length + gbnf.length + texts;
  }, 64);
}
