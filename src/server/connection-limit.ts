import { readdir, readFile } from 'node:fs/promises';
import type { Server } from 'node:net';
import { messageOf } from '../errors/index.ts';
import type { Log } from './access-log.ts';

/** Open files kept free for fetching, reading and decoding images. */
const RESERVED_FILES = 128;
/** Minimum time between two log lines. */
const QUIET_MS = 60_000;

/**
 * Limits the number of connections to what the open-file limit of the process allows, with some to spare, and keeps the
 * server running when accepting a connection fails anyway.
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
    warn(
      `Connections are being refused: ${String(most)} are open, the maximum that the open-file limit (ulimit -n) allows.`,
    ),
  );
}

/** Maximum number of connections, from the open-file limit; undefined if unknown. */
async function mostConnections(): Promise<number | undefined> {
  try {
    const limits = await readFile('/proc/self/limits', 'utf8');
    const most = Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? Infinity);
    const free = most - (await readdir('/proc/self/fd')).length;
    return Number.isFinite(free) ? Math.max(1, free - Math.min(RESERVED_FILES, Math.ceil(free / 2))) : undefined;
  } catch {
    // Only Linux has /proc.
    return undefined;
  }
}
