import type { ListedModel } from '../../api/index.ts';
import type { LoadedModel, ModelInfo } from '../../backend/index.ts';
import type { LoadingProgress } from '../server-state.ts';
import type { LoadedSource, ModelSource } from './model-source.ts';

/** As llama-server's router has it. */
export type ModelStatus = 'unloaded' | 'loading' | 'loaded';

/** A use of a model, which keeps it in memory. */
export interface ModelLease<Active> {
  readonly active: Active;
  /** Call it once, when nothing of the request is running any more. `keepAliveMs`: how long the model is to stay then. */
  release(keepAliveMs?: number): void;
}

interface Waiter<Active> {
  readonly resolve: (lease: ModelLease<Active>) => void;
  readonly reject: (error: unknown) => void;
}

/** What a model is to requests while it is in memory. */
export interface ActiveBase {
  readonly model: LoadedModel;
  /** Its LoRA adapters. */
  readonly adapters?: { readonly listed: () => readonly ListedModel[] } | undefined;
}

/** One model of a pool, and who uses and awaits it. The pool decides; this only keeps account. */
export class ModelEntry<Active extends ActiveBase> {
  readonly source: ModelSource;
  readonly waiters = new Set<Waiter<Active>>();
  /** Set while it is in memory. */
  loaded: { readonly source: LoadedSource; readonly active: Active } | undefined;
  /** Set while it is being closed. */
  closing: Promise<void> | undefined;
  /** No new requests: it is to leave memory when those that run have ended. */
  isLeaving = false;
  /** It was loaded for a request, and has not rested since. */
  isFresh = false;
  /** It leaves for a client that asked for that, and not to make room. */
  isUnloadAsked = false;
  isLoading = false;
  progress: LoadingProgress | undefined;
  /** Why it could not be loaded the last time. */
  failure: unknown;
  leases = 0;
  /** Rises with each use of any model. */
  lastUse = 0;
  keepAliveMs = Infinity;
  expiry: NodeJS.Timeout | undefined;
  /** When it will leave, if nobody asks for it. */
  expiresAt: Date | undefined;
  /** Of the last time that it was loaded. */
  info: ModelInfo | undefined;
  /** When the server began to serve it. */
  readonly since = new Date();
  loads = 0;
  unloads = 0;

  constructor(source: ModelSource) {
    this.source = source;
  }

  get name(): string {
    return this.source.name;
  }

  get status(): ModelStatus {
    if (this.loaded !== undefined && this.closing === undefined) return 'loaded';
    return this.isLoading ? 'loading' : 'unloaded';
  }

  /** Whether requests can be given leases at once. */
  get isOpen(): boolean {
    return this.loaded !== undefined && this.closing === undefined && !this.isLeaving;
  }

  get isIdle(): boolean {
    return this.loaded !== undefined && this.closing === undefined && this.leases === 0;
  }

  /** Waits for a lease. Throws the signal's reason, and what `fail` is given. `onGivenUp`: called after an abort. */
  wait(signal: AbortSignal, onGivenUp: () => void): Promise<ModelLease<Active>> {
    return new Promise((resolve, reject) => {
      const giveUp = (): void => {
        this.waiters.delete(waiter);
        reject(signal.reason as Error);
        onGivenUp();
      };
      const waiter: Waiter<Active> = {
        resolve: (lease) => {
          signal.removeEventListener('abort', giveUp);
          resolve(lease);
        },
        reject: (error) => {
          signal.removeEventListener('abort', giveUp);
          reject(error);
        },
      };
      signal.addEventListener('abort', giveUp, { once: true });
      this.waiters.add(waiter);
    });
  }

  /** Gives all that wait a lease, in their order. */
  admit(lease: () => ModelLease<Active>): void {
    for (const waiter of this.waiters) {
      this.waiters.delete(waiter);
      waiter.resolve(lease());
    }
  }

  fail(error: unknown): void {
    for (const waiter of this.waiters) {
      this.waiters.delete(waiter);
      waiter.reject(error);
    }
  }
}
