import type { ChildProcess } from 'node:child_process';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';

/** The file that node-llama-cpp runs in a process of its own to try a binary before it loads it. */
const testProgram = 'testBindingBinary';
/** Signals that a terminal or a service manager sends to all processes of a command, in any order. */
const groupSignals: readonly string[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];
const groupSignalMs = 500;

/** Tests of node-llama-cpp's binaries: it says which binary failed, but not how the process that tried it ended. */
export class BinaryTests {
  readonly #failures: (NodeJS.Signals | number)[] = [];

  /** The signals and exit codes of the tests that failed so far. */
  get failures(): readonly (NodeJS.Signals | number)[] {
    return this.#failures;
  }

  /** Does `work`, during which tests may run. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    subscribe('child_process', this.#onStart);
    try {
      return await work();
    } finally {
      unsubscribe('child_process', this.#onStart);
    }
  }

  readonly #onStart = (message: unknown): void => {
    // The channel is not typed. What the process runs is not known before it has started.
    const { process: child } = message as { readonly process: ChildProcess };
    child.once('exit', (code, signal) => {
      const failure = signal ?? code;
      const isTest = child.spawnargs.some((part) => part.includes(testProgram));
      if (isTest && failure !== null && failure !== 0) this.#failures.push(failure);
    });
  };
}

/**
 * To be called when a child process was ended by one of these signals. Ctrl+C goes to the children too, and this process
 * may hear of their end first: waits a moment for its own abort. Throws the signal's reason.
 */
export async function throwIfInterrupted(
  endings: readonly (NodeJS.Signals | number | null)[],
  signal: AbortSignal,
): Promise<void> {
  if (!signal.aborted && endings.some((ending) => groupSignals.includes(String(ending)))) {
    const settled = new AbortController();
    await Promise.race([
      once(signal, 'abort', { signal: settled.signal }).catch(() => undefined),
      setTimeout(groupSignalMs, undefined, { signal: settled.signal }).catch(() => undefined),
    ]);
    settled.abort();
  }
  signal.throwIfAborted();
}
