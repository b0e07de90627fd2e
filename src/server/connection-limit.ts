import { readdir, readFile } from 'node:fs/promises';
import type { Server } from 'node:net';
import { messageOf } from '../errors/index.ts';
import type { Log } from './access-log.ts';

/** Files that stay free for what requests need: images that are fetched or read, and the thread that decodes them. */
const RESERVED_FILES = 128;
/** The log is told once in so long. */
const QUIET_MS = 60_000;

/**
 * Lets a server close the connections that are too many for the open files of this process, before there is no file left
 * for anything else; and go on where accepting one fails all the same.
 */
export async function limitConnections(server: Server, log: Log): Promise<void> {
  let quietUntilMs = 0;
  const warn = (message: string): void => {
    if (performance.now() < quietUntilMs) return;
    quietUntilMs = performance.now() + QUIET_MS;
    log('warning', message);
  };
  server.on('error', (error) => warn(`A connection could not be accepted: ${messageOf(error)}`));
  const most = await mostConnections();
  if (most === undefined) return;
  server.maxConnections = most;
  server.on('drop', () =>
    warn(`Connections are closed unanswered: ${String(most)} are open, as many as the limit of open files allows.`),
  );
}

/** How many connections there may be at a time: what is left of the open files; undefined where that cannot be told. */
async function mostConnections(): Promise<number | undefined> {
  try {
    const limits = await readFile('/proc/self/limits', 'utf8');
    const most = Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? Infinity);
    const free = most - (await readdir('/proc/self/fd')).length;
    return Number.isFinite(free) ? Math.max(1, free - Math.min(RESERVED_FILES, Math.ceil(free / 2))) : undefined;
  } catch {
    // Only Linux tells.
    return undefined;
  }
}
