import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

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
  /** What it printed so far. */
  readonly text: { stdout: string; stderr: string };
  /** Waits until one of its streams has matched; fails when it ends before. */
  until(pattern: RegExp): Promise<RegExpExecArray>;
  kill(signal: NodeJS.Signals): void;
  /** Closes our end of its standard output. */
  closeStdout(): void;
  /** Waits for the end. */
  exit(): Promise<{ code: number | null; stdout: string; stderr: string }>;
}

/** Starts vserve in `folder`, which is also its store, with this environment only. */
export function runVserve(folder: string, args: readonly string[], environment: NodeJS.ProcessEnv = {}): RunningVserve {
  const child = spawn(process.execPath, [program, ...args], {
    cwd: folder,
    env: { VSERVE_HOME: join(folder, 'home'), MAX_SERVE_HOST: '127.0.0.1', MAX_SERVE_PORT: '0', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const text = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text.stdout += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (text.stderr += chunk));
  const closed = once(child, 'close');
  return {
    text,
    async until(pattern) {
      for (;;) {
        const match = pattern.exec(text.stdout) ?? pattern.exec(text.stderr);
        if (match !== null) return match;
        const news = Promise.race([once(child.stdout, 'data'), once(child.stderr, 'data')]);
        if ((await Promise.race([news, closed.then(() => 'closed')])) === 'closed') {
          throw new Error(`vserve ended and never printed ${String(pattern)}:\n${text.stdout}${text.stderr}`);
        }
      }
    },
    kill: (signal) => void child.kill(signal),
    closeStdout: () => child.stdout.destroy(),
    async exit() {
      await closed;
      return { code: child.exitCode, ...text };
    },
  };
}
