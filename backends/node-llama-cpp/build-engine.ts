import { spawn } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import { text } from 'node:stream/consumers';
import type { LoadOptions } from '../../src/backend/index.ts';
import { VserveError } from '../../src/errors/index.ts';
import { buildScript, variantsWithoutAddon } from './addon-loader.ts';

/**
 * Builds the native engine where neither a platform package nor an earlier build has it, which takes minutes. Throws
 * `native_addon_missing` with what is missing for that; after an abort, its reason.
 */
export async function buildMissingEngine({ log, signal }: Pick<LoadOptions, 'log' | 'signal'>): Promise<void> {
  const missing = variantsWithoutAddon();
  if (missing.length === 0) return;
  signal.throwIfAborted();
  const names = missing.join(', ');
  log('info', `Building the native engine for ${names}: this takes a few minutes, once`);
  // In a group of its own: an abort ends the compilers, too.
  const child = spawn(process.execPath, [buildScript, '--quiet'], {
    detached: process.platform !== 'win32',
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const end = (): void => {
    endGroup(child.pid);
  };
  signal.addEventListener('abort', end);
  try {
    const [said, [status]] = await Promise.all([text(child.stderr), once(child, 'close') as Promise<[number | null]>]);
    signal.throwIfAborted();
    if (status !== 0) {
      const message = `The native engine for ${names} is not installed, and it could not be built.\n${said.trim()}`;
      throw new VserveError('native_addon_missing', message);
    }
  } finally {
    signal.removeEventListener('abort', end);
  }
  log('info', 'The native engine is built');
}

function endGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(process.platform === 'win32' ? pid : -pid, 'SIGTERM');
  } catch {
    // It has ended by itself.
  }
}
