import { constants } from 'node:os';

type Name = 'SIGINT' | 'SIGTERM' | 'SIGHUP';

/** Why the work was stopped: a signal from the user or the system. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
  readonly signal: Name;
  readonly exitCode: number;

  constructor(signal: Name) {
    super(`Interrupted by ${signal}`);
    this.signal = signal;
    this.exitCode = exitCodeOf(signal);
  }
}

interface Listening {
  /** Whether the command runs on a terminal, unlike with `nohup` or as a service. */
  readonly isOnTerminal: boolean;
  /** SIGHUP without a terminal: files are to be read again. */
  readonly onHangup: () => void;
}

/**
 * Listens for SIGINT (Ctrl+C), SIGTERM and SIGHUP (the terminal was closed). The first one aborts the returned signal,
 * for an orderly stop; the next one ends the process. Without a terminal, SIGHUP stops nothing: Node does not inherit that
 * from `nohup`.
 */
export function listenForInterruption({ isOnTerminal, onHangup }: Listening): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => {
      if (name === 'SIGHUP' && !isOnTerminal) onHangup();
      else if (name === 'SIGHUP' && controller.signal.aborted) return;
      else if (controller.signal.aborted) endBy(name);
      else controller.abort(new Interrupted(name));
    });
  }
  return controller.signal;
}

/**
 * Ends the process by the signal, as if it had not been listened for: `process.exit` would run the destructors of native
 * libraries under the threads of an engine that is at work. The first process of a container cannot end so.
 */
function endBy(signal: Name): void {
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
  setTimeout(() => process.exit(exitCodeOf(signal)), 100);
}

function exitCodeOf(signal: Name): number {
  return 128 + constants.signals[signal];
}
