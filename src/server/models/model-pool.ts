import { isCodedError, messageOf, VserveError } from '../../errors/index.ts';
import type { Log } from '../access-log.ts';
import type { ActiveBase, ModelLease } from './model-entry.ts';
import { ModelEntry } from './model-entry.ts';
import type { LoadedSource, ModelSource } from './model-source.ts';

export interface ModelPoolOptions<Active> {
  /** How long a model stays in memory without requests; `Infinity` for as long as there is room. */
  readonly keepAliveMs: number;
  /** Models in memory at a time; undefined for as many as memory has room for. */
  readonly maxLoaded?: number | undefined;
  /** Makes what requests use of a model that was loaded. */
  readonly activate: (source: ModelSource, loaded: LoadedSource) => Active;
  /** Told before a model leaves memory. */
  readonly onUnload?: (active: Active) => void;
  /** Told when a model that was loaded has nothing to do for the first time. */
  readonly onFirstRest?: (active: Active) => void;
  readonly log: Log;
}

/**
 * The models of a server: in memory when they are asked for, as far as there is room. One is loaded at a time, in the order
 * in which requests asked. The least recently used makes room, never one that is in use: if all are, the next one to leave
 * takes no further requests until then, so that nobody waits for ever. Such requests wait behind the model they made
 * room for.
 */
export class ModelPool<Active extends ActiveBase> {
  readonly entries: ModelEntry<Active>[];
  readonly #options: ModelPoolOptions<Active>;
  /** What is to be loaded next, the first first. */
  readonly #queue: ModelEntry<Active>[] = [];
  readonly #closing = new AbortController();
  #run: Promise<void> | undefined;
  /** Called when something has happened that may have made room. */
  #wake: (() => void) | undefined;
  #uses = 0;

  constructor(sources: readonly ModelSource[], options: ModelPoolOptions<Active>) {
    this.entries = sources.map((source) => new ModelEntry(source));
    this.#options = options;
    for (const entry of this.entries) entry.keepAliveMs = options.keepAliveMs;
  }

  /** Another model, not in memory yet. */
  add(source: ModelSource): ModelEntry<Active> {
    const entry = new ModelEntry<Active>(source);
    this.entries.push(entry);
    return entry;
  }

  /** A model that is in memory already, and stays. */
  adopt(entry: ModelEntry<Active>, loaded: LoadedSource): Active {
    const active = this.#enter(entry, loaded);
    this.#rest(entry);
    return active;
  }

  /** A lease of a model that is in memory; undefined if it is not. */
  take(entry: ModelEntry<Active>): ModelLease<Active> | undefined {
    return entry.isOpen && entry.loaded !== undefined ? this.#lease(entry, entry.loaded.active) : undefined;
  }

  /**
   * A lease of a model, which is loaded if it has to be. Throws what loading throws, the signal's reason, and `shutting_down`
   * when the pool is closed.
   */
  async acquire(entry: ModelEntry<Active>, signal: AbortSignal): Promise<ModelLease<Active>> {
    signal.throwIfAborted();
    this.#closing.signal.throwIfAborted();
    const lease = this.take(entry);
    if (lease !== undefined) return lease;
    if (!this.#queue.includes(entry)) this.#queue.push(entry);
    const waiting = entry.wait(signal, () => this.#wake?.());
    this.#run ??= this.#loadAll().finally(() => {
      this.#run = undefined;
    });
    return waiting;
  }

  /** Has a model leave memory once nothing uses it. Requests that come meanwhile wait until it is loaded again. */
  unload(entry: ModelEntry<Active>): void {
    if (entry.loaded === undefined) return;
    entry.isLeaving = true;
    entry.isUnloadAsked = true;
    if (entry.isIdle) void this.#close(entry, 'it was asked for');
  }

  /** Ends what is being loaded, and frees all models. */
  async close(): Promise<void> {
    const reason = new VserveError('shutting_down', 'The server is shutting down. Send the request again later.');
    this.#closing.abort(reason);
    for (const entry of this.entries) entry.fail(reason);
    this.#wake?.();
    await this.#run;
    await Promise.all(this.entries.map((entry) => this.#close(entry, undefined)));
  }

  async #loadAll(): Promise<void> {
    for (let entry = this.#queue[0]; entry !== undefined; entry = this.#queue[0]) {
      try {
        await this.#bring(entry);
      } catch (error) {
        entry.failure = error;
        entry.isLoading = false;
        if (!this.#closing.signal.aborted) {
          this.#options.log('error', `The model ${entry.name} could not be loaded: ${messageOf(error)}`);
        }
        entry.fail(error instanceof Error ? error : new Error(String(error)));
      }
      this.#queue.shift();
      this.#keepWhatNeedNotLeave();
    }
  }

  /** Loads a model, as long as anybody waits for it. */
  async #bring(entry: ModelEntry<Active>): Promise<void> {
    entry.progress = undefined;
    entry.isLoading = true;
    while (entry.waiters.size > 0 && !this.#closing.signal.aborted) {
      if (entry.closing !== undefined) await entry.closing;
      else if (entry.isUnloadAsked) await this.#change();
      // It had to leave, and need not any more.
      else if (entry.loaded !== undefined) this.#open(entry, entry.loaded.active);
      else if (await this.#hasRoomFor(entry)) await this.#load(entry);
      else await this.#makeRoom(entry);
    }
    // All who waited have given up meanwhile.
    if (entry.isOpen && entry.isIdle) this.#rest(entry);
    entry.isLoading = false;
  }

  /** Gives leases to all that wait for a model in memory. */
  #open(entry: ModelEntry<Active>, active: Active): void {
    entry.isLeaving = false;
    entry.admit(() => this.#lease(entry, active));
  }

  async #hasRoomFor(entry: ModelEntry<Active>): Promise<boolean> {
    const others = this.#inMemory();
    if (others.length === 0) return true;
    if (others.length >= (this.#options.maxLoaded ?? Infinity)) return false;
    const memory = await entry.source.memory?.(this.#closing.signal, (progress) => {
      entry.progress = progress;
    });
    return memory === undefined || memory.neededBytes <= memory.freeBytes;
  }

  /** Has the least recently used model leave, or waits until one can. */
  async #makeRoom(entry: ModelEntry<Active>): Promise<void> {
    const byUse = this.#inMemory().toSorted((a, b) => a.lastUse - b.lastUse);
    const closing = byUse.find((other) => other.closing !== undefined);
    if (closing !== undefined) {
      await closing.closing;
      return;
    }
    const idle = byUse.find((other) => other.isIdle);
    if (idle !== undefined) {
      await this.#close(idle, `${entry.name} needs its place`);
      return;
    }
    const [next] = byUse;
    if (next !== undefined) next.isLeaving = true;
    await this.#change();
  }

  /** Loads a model, or has another one make room for it if there is no memory. */
  async #load(entry: ModelEntry<Active>): Promise<void> {
    const { log } = this.#options;
    const fromMs = performance.now();
    try {
      const loaded = await entry.source.load(this.#closing.signal, (progress) => {
        entry.progress = progress;
      });
      this.#enter(entry, loaded);
      entry.isFresh = true;
      log('info', `The model ${entry.name} was loaded in ${((performance.now() - fromMs) / 1000).toFixed(1)} s`);
    } catch (error) {
      const isFull = isCodedError(error) && error.code === 'out_of_memory';
      if (!isFull || this.#inMemory().length === 0) throw error;
      await this.#makeRoom(entry);
    }
  }

  #enter(entry: ModelEntry<Active>, source: LoadedSource): Active {
    const active = this.#options.activate(entry.source, source);
    entry.loaded = { source, active };
    entry.info = active.model.info;
    entry.failure = undefined;
    entry.isLeaving = false;
    entry.isUnloadAsked = false;
    entry.keepAliveMs = this.#options.keepAliveMs;
    entry.loads += 1;
    entry.lastUse = this.#nextUse();
    return active;
  }

  #lease(entry: ModelEntry<Active>, active: Active): ModelLease<Active> {
    entry.leases += 1;
    this.#wakeUp(entry);
    let isHeld = true;
    return {
      active,
      release: (keepAliveMs) => {
        if (!isHeld) return;
        isHeld = false;
        entry.leases -= 1;
        entry.lastUse = this.#nextUse();
        if (keepAliveMs !== undefined) entry.keepAliveMs = keepAliveMs;
        if (entry.leases > 0) return;
        if (entry.isUnloadAsked) void this.#close(entry, 'it was asked for');
        else this.#rest(entry);
        this.#wake?.();
      },
    };
  }

  /** Begins the time after which a model leaves that nobody asks for. */
  #rest(entry: ModelEntry<Active>): void {
    this.#wakeUp(entry);
    const { keepAliveMs, isFresh, loaded } = entry;
    entry.isFresh = false;
    if (isFresh && keepAliveMs > 0 && loaded !== undefined) this.#options.onFirstRest?.(loaded.active);
    if (keepAliveMs === Infinity) return;
    entry.expiresAt = new Date(Date.now() + keepAliveMs);
    const leave = (): void => {
      if (entry.isIdle) void this.#close(entry, 'nobody has asked for it');
    };
    if (keepAliveMs === 0) leave();
    else entry.expiry = setTimeout(leave, keepAliveMs).unref();
  }

  #wakeUp(entry: ModelEntry<Active>): void {
    clearTimeout(entry.expiry);
    entry.expiry = undefined;
    entry.expiresAt = undefined;
  }

  /** Frees a model, whatever it is doing. `why` is for the log. */
  #close(entry: ModelEntry<Active>, why: string | undefined): Promise<void> {
    const { loaded } = entry;
    if (loaded === undefined) return Promise.resolve();
    entry.closing ??= (async () => {
      this.#wakeUp(entry);
      try {
        this.#options.onUnload?.(loaded.active);
        await loaded.source.model.close();
        await loaded.source.release();
        if (why !== undefined) this.#options.log('info', `The model ${entry.name} has left memory: ${why}`);
      } catch (error) {
        this.#options.log('error', `The model ${entry.name} could not be closed: ${messageOf(error)}`);
      } finally {
        entry.loaded = undefined;
        entry.closing = undefined;
        entry.isLeaving = false;
        entry.isUnloadAsked = false;
        entry.unloads += 1;
        this.#wake?.();
      }
    })();
    return entry.closing;
  }

  /** What was to make room for a model that is there by now, or that nobody wants any more, goes on. */
  #keepWhatNeedNotLeave(): void {
    for (const entry of this.entries) {
      if (!entry.isLeaving || entry.isUnloadAsked || entry.loaded === undefined || entry.closing !== undefined)
        continue;
      this.#open(entry, entry.loaded.active);
    }
  }

  #inMemory(): ModelEntry<Active>[] {
    return this.entries.filter(({ loaded }) => loaded !== undefined);
  }

  /** Waits until a model may have become free, or a request has given up. */
  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#wake = undefined;
        resolve();
      };
    });
  }

  /** A number rather than a time: clocks may stand still between two uses. */
  #nextUse(): number {
    this.#uses += 1;
    return this.#uses;
  }
}
