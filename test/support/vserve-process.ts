import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

const checkoutProgram = join(import.meta.dirname, '../../bin/vserve.js');

export interface VserveProcess {
  /** Where it listens: `http://127.0.0.1:PORT`. */
  readonly url: string;
  readonly pid: number;
  /** What it has written to stderr so far. */
  stderr(): string;
  /** Sends a signal, and resolves with the exit code or the signal that ended the process. */
  stop(signal?: NodeJS.Signals): Promise<number | NodeJS.Signals | null>;
  /** Resolves with the exit code or the signal when the process has ended. */
  ended(): Promise<number | NodeJS.Signals | null>;
}

/** Starts the built `vserve serve` as a process of its own and waits until it is ready. */
export async function startVserve(
  arguments_: readonly string[],
  environment: Readonly<Record<string, string>>,
  program = checkoutProgram,
): Promise<VserveProcess> {
  const child = spawn(process.execPath, [program, 'serve', '--host', '127.0.0.1', '--port', '0', ...arguments_], {
    // Servers of other tests start at the same time.
    env: { ...process.env, MAX_SERVE_METRICS_ENDPOINT_PORT: 'off', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const ready = new Promise<string>((resolve) => {
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      const url = /Server ready on (\S+) \(Press CTRL\+C to quit\)/.exec(stdout)?.[1];
      if (url !== undefined) resolve(url);
    });
  });
  const url = await Promise.race([ready, exited.then(() => undefined)]);
  if (url === undefined) throw new Error(`vserve ended before it was ready:\n${stderr}`);
  const ended = async (): Promise<number | NodeJS.Signals | null> => {
    const [exitCode, endedBy] = await exited;
    return exitCode ?? endedBy;
  };
  return {
    url,
    pid: child.pid ?? -1,
    stderr: () => stderr,
    async stop(signal = 'SIGTERM') {
      child.kill(signal);
      return ended();
    },
    ended,
  };
}
