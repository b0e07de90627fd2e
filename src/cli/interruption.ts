import { constants } from 'node:os';

/** Why the work was stopped: a signal from the person or the system. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
  readonly exitCode: number;

  constructor(signal: 'SIGINT' | 'SIGTERM') {
    super(`Interrupted by ${signal}`);
    this.exitCode = exitCodeOf(signal);
  }
}

/**
 * Listens for Ctrl+C and SIGTERM. The first aborts the signal that is returned, which ends the work in order; the next
 * calls `exitNow` with the exit code that a shell gives for that signal.
 */
export function listenForInterruption(exitNow: (exitCode: number) => void): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      if (controller.signal.aborted) exitNow(exitCodeOf(name));
      else controller.abort(new Interrupted(name));
    });
  }
  return controller.signal;
}

function exitCodeOf(signal: 'SIGINT' | 'SIGTERM'): number {
  return 128 + constants.signals[signal];
}
