import { homedir, tmpdir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import envPaths from 'env-paths';
import type { Environment } from '../environment.ts';

/** Where vserve keeps models unless told otherwise. */
export function storeFolder(environment: Environment): string {
  if (process.platform === 'linux') return join(xdgCacheFolder(environment), 'vserve');
  return envPaths('vserve', { suffix: '' }).cache;
}

/** A folder of this user's that is empty after a restart of the machine. */
export function runtimeFolder({ XDG_RUNTIME_DIR: folder = '' }: Environment): string {
  if (isAbsolute(folder)) return join(folder, 'vserve');
  return join(tmpdir(), `vserve-${String(process.getuid?.() ?? 'servers')}`);
}

/** The cache folder of the XDG Base Directory Specification, which ignores relative paths. */
export function xdgCacheFolder({ XDG_CACHE_HOME: folder = '' }: Environment): string {
  return isAbsolute(folder) ? folder : join(homedir(), '.cache');
}
