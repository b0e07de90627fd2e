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
export async function limitConnections(acceptors: readonly Server[], log: Log): Promise<void> {
  let quietUntilMs = 0;
  const warn = (message: string): void => {
    if (performance.now() < quietUntilMs) return;
    quietUntilMs = performance.now() + QUIET_MS;
    log('warning', message);
  };
  for (const acceptor of acceptors) {
    acceptor.on('error', (error) => warn(`A connection could not be accepted: ${messageOf(error)}`));
  }
  const most = await mostConnections();
  if (most === undefined) return;
  const onDrop = (): void =>
    warn(
      `Connections are being refused: ${String(most)} are open, the maximum that the open-file limit (ulimit -n) allows.`,
    );
  for (const acceptor of acceptors) acceptor.on('drop', onDrop);
  shareConnections(acceptors, most);
}

/** Keeps the connections of several servers together below a maximum. */
function shareConnections(acceptors: readonly Server[], most: number): void {
  const open = new Map(acceptors.map((acceptor) => [acceptor, 0]));
  const update = (): void => {
    const total = [...open.values()].reduce((sum, count) => sum + count, 0);
    // 0 would mean no maximum.
    for (const [acceptor, own] of open) acceptor.maxConnections = Math.max(1, most - (total - own));
  };
  const count = (acceptor: Server, change: 1 | -1): void => {
    open.set(acceptor, (open.get(acceptor) ?? 0) + change);
    if (acceptors.length > 1) update();
  };
  for (const acceptor of acceptors) {
    acceptor.on('connection', (socket) => {
      count(acceptor, 1);
      socket.once('close', () => count(acceptor, -1));
    });
  }
  update();
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
