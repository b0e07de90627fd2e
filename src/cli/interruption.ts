import { constants } from 'node:os';

type Name = 'SIGINT' | 'SIGTERM' | 'SIGHUP';

/** Why the work was stopped: a signal from the user or the system. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
  readonly exitCode: number;

  constructor(signal: Name) {
    super(`Interrupted by ${signal}`);
    this.exitCode = exitCodeOf(signal);
  }
}

interface Listening {
  /** Whether the command runs on a terminal, unlike with `nohup` or as a service. */
  readonly isOnTerminal: boolean;
  readonly exitNow: (exitCode: number) => void;
}

/**
 * Listens for SIGINT (Ctrl+C), SIGTERM and SIGHUP (the terminal was closed). The first one aborts the returned signal,
 * for an orderly stop; the next calls `exitNow` with the exit code that a shell reports for it. Without a terminal, SIGHUP
 * is ignored: Node does not inherit that from `nohup`.
 */
export function listenForInterruption({ isOnTerminal, exitNow }: Listening): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => {
      if (name === 'SIGHUP' && (!isOnTerminal || controller.signal.aborted)) return;
      if (controller.signal.aborted) exitNow(exitCodeOf(name));
      else controller.abort(new Interrupted(name));
    });
  }
  return controller.signal;
}

function exitCodeOf(signal: Name): number {
  return 128 + constants.signals[signal];
}
