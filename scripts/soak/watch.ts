import { readdir, readFile } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { WebSocket } from 'undici';

/** What a server's process takes. */
export interface Sample {
  readonly rssBytes: number;
  /** Of JavaScript, after garbage was collected. */
  readonly heapBytes: number;
  readonly openFiles: number;
}

/** Looks into a process that was started with `--inspect`. Linux only. */
export class ProcessWatch {
  readonly #pid: number;
  readonly #socket: WebSocket;
  readonly #answers = new Map<number, (result: Record<string, unknown>) => void>();
  #lastId = 0;

  private constructor(pid: number, socket: WebSocket) {
    this.#pid = pid;
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => {
      const { id, result = {} } = JSON.parse(String(data)) as { id?: number; result?: Record<string, unknown> };
      if (id !== undefined) this.#answers.get(id)?.(result);
    });
  }

  /** `stderr`: what the process has written, where its debugger is announced. */
  static async open(pid: number, stderr: string): Promise<ProcessWatch> {
    const address = /Debugger listening on (ws:\S+)/.exec(stderr)?.[1];
    if (address === undefined) throw new Error('The process was not started with --inspect.');
    const socket = new WebSocket(address);
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve);
      socket.addEventListener('error', reject);
    });
    return new ProcessWatch(pid, socket);
  }

  /** Collects garbage first. */
  async sample(): Promise<Sample> {
    await this.#call('HeapProfiler.collectGarbage');
    const { usedSize } = await this.#call('Runtime.getHeapUsage');
    const status = await readFile(`/proc/${String(this.#pid)}/status`, 'utf8');
    return {
      rssBytes: Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? NaN) * 1024,
      heapBytes: Number(usedSize),
      openFiles: (await readdir(`/proc/${String(this.#pid)}/fd`)).length,
    };
  }

  close(): void {
    this.#socket.close();
  }

  #call(method: string): Promise<Record<string, unknown>> {
    const id = (this.#lastId += 1);
    const answered = new Promise<Record<string, unknown>>((resolve) => this.#answers.set(id, resolve));
    this.#socket.send(JSON.stringify({ id, method }));
    return answered.finally(() => this.#answers.delete(id));
  }
}

/** Asks until the answer is yes, for a time. Returns whether it was. */
export async function becomesTrue(ask: () => Promise<boolean>, withinMs: number): Promise<boolean> {
  const untilMs = performance.now() + withinMs;
  for (;;) {
    if (await ask()) return true;
    if (performance.now() > untilMs) return false;
    await setTimeout(100);
  }
}
