import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { onTestFinished } from 'vitest';

const realProgram = join(import.meta.dirname, '../../bin/vserve.js');
const program = join(import.meta.dirname, 'vserve-process.js');
export const fakeBackend = join(import.meta.dirname, 'fake-backend.js');

/** An empty folder that goes when the test ends. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'vserve-cli-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A file that passes for a GGUF model with the fake backend. */
export async function model(folder: string, name = 'model.gguf'): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, 'GGUF');
  return path;
}

export interface RunningVserve {
  readonly pid: number | undefined;
  /** What it printed so far. */
  readonly text: { stdout: string; stderr: string };
  /** Waits for the URL that it tells; fails when it ends before. */
  toldUrl(): Promise<string>;
  /** Waits until one of its streams has matched; fails when it ends before. */
  until(pattern: RegExp): Promise<RegExpExecArray>;
  kill(signal: NodeJS.Signals): void;
  /** Closes our end of its standard output. */
  closeStdout(): void;
  /** Closes our ends of its standard output and standard error. */
  closeOutput(): void;
  /** Ends its standard input. */
  closeStdin(): void;
  /** Writes to its standard input. */
  write(data: string | Uint8Array): void;
  /** Waits for the end, and gives the exit code that a shell reports. */
  exit(): Promise<{ code: number | null; stdout: string; stderr: string }>;
}

/** What stands around vserve. */
export interface Surroundings {
  /** The command that starts vserve, to which vserve's own command line is appended. */
  readonly launcher?: readonly string[];
  /** Where its standard output and error go: `pipe`, or an open file. */
  readonly output?: 'pipe' | number;
  /** The program as it is, without the stand-ins for the converter and the server. */
  readonly isReal?: boolean;
  /** Whether it tells its URL on a channel of its own, for where its output cannot be read. */
  readonly tellsUrl?: boolean;
}

/** Starts vserve in `folder`, which is also its store, with this environment only. */
export function runVserve(
  folder: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv = {},
  { launcher = [], output = 'pipe', tellsUrl = false, isReal = false }: Surroundings = {},
): RunningVserve {
  const [command = '', ...rest] = [...launcher, process.execPath, isReal ? realProgram : program, ...args];
  const child = spawn(command, rest, {
    cwd: folder,
    env: {
      VSERVE_HOME: join(folder, 'home'),
      VSERVE_RUNTIME_DIR: join(folder, 'run'),
      MAX_SERVE_HOST: '127.0.0.1',
      MAX_SERVE_PORT: '0',
      ...environment,
    },
    stdio: ['pipe', output, output, ...(tellsUrl ? (['ipc'] as const) : [])],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const text = { stdout: '', stderr: '' };
  const stdout = child.stdout ?? new PassThrough();
  const stderr = child.stderr ?? new PassThrough();
  stdout.setEncoding('utf8').on('data', (chunk: string) => (text.stdout += chunk));
  stderr.setEncoding('utf8').on('data', (chunk: string) => (text.stderr += chunk));
  // Each wait listens to both, and only one of them may have news.
  for (const stream of [stdout, stderr]) stream.setMaxListeners(0);
  const closed = once(child, 'close');
  const told = once(child, 'message') as Promise<[string]>;
  return {
    pid: child.pid,
    text,
    async until(pattern) {
      for (;;) {
        const match = pattern.exec(text.stdout) ?? pattern.exec(text.stderr);
        if (match !== null) return match;
        const news = Promise.race([once(stdout, 'data'), once(stderr, 'data')]);
        if ((await Promise.race([news, closed.then(() => 'closed')])) === 'closed') {
          throw new Error(`vserve ended and never printed ${String(pattern)}:\n${text.stdout}${text.stderr}`);
        }
      }
    },
    async toldUrl() {
      const message = await Promise.race([told, closed.then(() => undefined)]);
      if (message === undefined) throw new Error('vserve ended before it listened');
      return message[0];
    },
    kill: (signal) => void child.kill(signal),
    closeOutput: () => [stdout, stderr].forEach((stream) => stream.destroy()),
    closeStdout: () => stdout.destroy(),
    closeStdin: () => child.stdin?.end(),
    write: (data) => void child.stdin?.write(data),
    async exit() {
      await closed;
      const code = child.signalCode === null ? child.exitCode : 128 + constants.signals[child.signalCode];
      return { code, ...text };
    },
  };
}
