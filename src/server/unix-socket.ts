import { once } from 'node:events';
import { chmod, lstat, unlink } from 'node:fs/promises';
import { connect } from 'node:net';
import type { Server } from 'node:net';
import { messageOf, systemErrorCode, VserveError } from '../errors/index.ts';

/** The longest path of a socket, in bytes: that of macOS, which is shorter than Linux's. */
const MAX_PATH_BYTES = 103;

/**
 * Listens on a Unix socket with these permissions. One that a process left behind when it died is replaced; the file goes
 * when the server closes. Throws `port_in_use` if a process listens there, `address_unavailable` if the path cannot be a
 * socket.
 */
export async function listenOnSocket(server: Server, path: string, mode: number): Promise<void> {
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) {
    throw unavailable(path, `the path is longer than ${String(MAX_PATH_BYTES)} bytes`);
  }
  await removeStale(path);
  try {
    bindPrivately(server, path);
    await once(server, 'listening');
    await chmod(path, mode);
  } catch (cause) {
    if (systemErrorCode(cause) === 'EADDRINUSE') throw inUse(path);
    throw unavailable(path, reasonOf(cause), cause);
  }
}

/** Nobody else may connect before the permissions are set. The file is made before `listen` returns. */
function bindPrivately(server: Server, path: string): void {
  const umask = process.umask(0o177);
  try {
    server.listen({ path, exclusive: true });
  } finally {
    process.umask(umask);
  }
}

/** Removes a socket that nobody listens on. */
async function removeStale(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return;
  if (!found.isSocket()) throw unavailable(path, 'a file that is not a socket is in its place');
  if (await isListenedOn(path)) throw inUse(path);
  await unlink(path).catch(() => undefined);
}

async function isListenedOn(path: string): Promise<boolean> {
  const socket = connect(path);
  try {
    await once(socket, 'connect');
    return true;
  } catch (error) {
    // Its queue may be full, or its permissions may not let this user in: only a refusal shows that nobody listens.
    return systemErrorCode(error) !== 'ECONNREFUSED';
  } finally {
    socket.destroy();
  }
}

/** Node reports a folder that is missing as one that may not be written to. */
function reasonOf(cause: unknown): string {
  const code = systemErrorCode(cause);
  return code === 'EACCES' ? 'its folder is missing, or may not be written to' : (code ?? messageOf(cause));
}

function inUse(path: string): VserveError {
  const message = `The socket ${path} is already in use. Stop the program that uses it, or take another with --host.`;
  return new VserveError('port_in_use', message);
}

function unavailable(path: string, reason: string, cause?: unknown): VserveError {
  const message = `The socket ${path} cannot be listened on: ${reason}. Check --host.`;
  return new VserveError('address_unavailable', message, { cause });
}
