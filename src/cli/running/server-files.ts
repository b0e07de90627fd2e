import { lstat, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { LogLevel } from '../../backend/index.ts';
import { messageOf, systemErrorCode } from '../../errors/index.ts';
import { isRunning } from '../../store/locks/running-process.ts';
import type { ServerEntry } from './server-entry.ts';

export type { ServerEntry };

/** The file that tells other processes of this user about this server. Without it, the server works all the same. */
export class ServerFile {
  readonly #folder: string;
  readonly #path: string;
  readonly #log: (level: LogLevel, message: string) => void;
  #entry: ServerEntry | undefined;
  #last = Promise.resolve();

  constructor(folder: string, log: (level: LogLevel, message: string) => void) {
    this.#folder = folder;
    this.#path = join(folder, `${process.pid}.json`);
    this.#log = log;
  }

  /** Tells what the server is. */
  create(about: Pick<ServerEntry, 'model' | 'urls' | 'version' | 'supervisor'>): Promise<void> {
    return this.#inTurn(async () =>
      this.#write({
        ...about,
        pid: process.pid,
        host: hostname(),
        processStart: await processStartOf(process.pid),
        state: 'loading',
        startedAt: new Date().toISOString(),
      }),
    );
  }

  /** Tells what has changed. */
  update(change: Partial<Pick<ServerEntry, 'model' | 'urls' | 'state'>>): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#entry !== undefined) await this.#write({ ...this.#entry, ...change });
    });
  }

  remove(): Promise<void> {
    return this.#inTurn(() => rm(this.#path, { force: true }).catch(() => undefined));
  }

  /** One after the other: nobody has to wait for the file. Never rejects. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    this.#last = this.#last.then(work);
    return this.#last;
  }

  async #write(entry: ServerEntry): Promise<void> {
    this.#entry = entry;
    try {
      await mkdir(this.#folder, { recursive: true, mode: 0o700 });
      if (!(await isOwnFolder(this.#folder))) throw new Error('the folder belongs to another user');
      await writeFile(`${this.#path}.new`, JSON.stringify(entry), { mode: 0o600 });
      await rename(`${this.#path}.new`, this.#path);
    } catch (error) {
      const reason = systemErrorCode(error) ?? messageOf(error);
      this.#log('debug', `vserve ps will not list this server: ${this.#folder} cannot be written (${reason}).`);
    }
  }
}

/** The servers that run on this machine, the oldest first. Files of those that have ended are removed. */
export async function runningServers(folder: string): Promise<readonly ServerEntry[]> {
  if (!(await isOwnFolder(folder))) return [];
  const names = (await readdir(folder)).filter((name) => name.endsWith('.json'));
  const entries = await Promise.all(names.map((name) => readEntry(join(folder, name))));
  return entries.filter((entry) => entry !== undefined).toSorted((a, b) => a.startedAt.localeCompare(b.startedAt));
}

/** Whether the process of an entry is there still, and not another one with its id. */
export async function isAlive({ pid, processStart }: ServerEntry): Promise<boolean> {
  return isRunning(pid) && (processStart === undefined || processStart === (await processStartOf(pid)));
}

/** Undefined for what is no server of this machine, or has ended. */
async function readEntry(path: string): Promise<ServerEntry | undefined> {
  try {
    // Only here: what serves a model never reads one.
    const { entrySchema } = await import('./server-entry.ts');
    const entry = entrySchema.parse(JSON.parse(await readFile(path, 'utf8')));
    // Another container may share the folder, but not the process ids.
    if (entry.host !== hostname()) return undefined;
    if (await isAlive(entry)) return entry;
    await rm(path, { force: true });
  } catch {
    // Removed meanwhile, or written by another version.
  }
  return undefined;
}

/** What another user has put there must not decide which processes are stopped. */
async function isOwnFolder(folder: string): Promise<boolean> {
  const found = await lstat(folder).catch(() => undefined);
  return found?.isDirectory() === true && (process.getuid === undefined || found.uid === process.getuid());
}

/** In ticks since the machine started. Undefined where the system does not tell. */
async function processStartOf(pid: number): Promise<string | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  // The name, in parentheses, may hold anything.
  return text?.slice(text.lastIndexOf(')') + 2).split(' ')[19];
}
