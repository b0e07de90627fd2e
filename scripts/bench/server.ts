import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Contender } from './figures.ts';
import { killAtExit } from './killed-at-exit.ts';

const pollMs = 10;
const stopMs = 10_000;

/** A server under measurement, as a process of its own. */
export interface Server {
  readonly contender: Contender;
  readonly url: string;
  readonly pid: number;
  /** From starting the process to its first answer on /health. */
  readonly readyMs: number;
  /** Whether the process has not ended. */
  readonly isRunning: boolean;
  /** Resident memory of the process in MB, mapped files included. */
  residentMb(): Promise<number>;
  stop(): Promise<void>;
}

/** Starts a server with `commandFor(port)` and waits until it is ready. Throws the end of its output if it exits first. */
export async function startServer(
  contender: Contender,
  commandFor: (port: number) => readonly string[],
): Promise<Server> {
  const port = await freePort();
  const url = `http://127.0.0.1:${String(port)}`;
  const [program = '', ...args] = commandFor(port);
  const startedAtMs = performance.now();
  const child = spawn(program, args, { env: plainEnvironment(), stdio: ['ignore', 'ignore', 'pipe'] });
  let lastWords = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (lastWords = (lastWords + text).slice(-2000)));
  const exited = once(child, 'exit');
  killAtExit(child);
  const pid = child.pid;
  while (!(await isReady(url))) {
    if (pid === undefined || child.exitCode !== null || child.signalCode !== null) {
      throw new Error(`${contender} ended before it was ready (${program} ${args.join(' ')}):\n${lastWords}`);
    }
    await delay(pollMs);
  }
  return {
    contender,
    url,
    pid: pid ?? -1,
    readyMs: performance.now() - startedAtMs,
    get isRunning() {
      return child.exitCode === null && child.signalCode === null;
    },
    async residentMb() {
      const { stdout } = await promisify(execFile)('ps', ['-o', 'rss=', '-p', String(pid)]);
      return (Number(stdout) * 1024) / 1e6;
    },
    async stop() {
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), stopMs);
      if (child.exitCode === null && child.signalCode === null) await exited;
      clearTimeout(timer);
    },
  };
}

/** Our environment without variables that configure one of the servers. */
function plainEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(MAX_SERVE_|VSERVE_|LLAMA_)/.test(name)));
}

async function isReady(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/health`);
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}

/** A free port of 127.0.0.1. */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}
