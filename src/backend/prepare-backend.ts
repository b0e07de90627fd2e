import type { Backend, LoadOptions } from './backend.ts';

/**
 * Makes a backend ready to load models on this machine. Throws what its `prepare` and `check` throw; after an abort, its
 * reason.
 */
export async function prepareBackend(backend: Backend, options: Pick<LoadOptions, 'log' | 'signal'>): Promise<void> {
  await backend.prepare?.(options);
  await backend.check?.();
}
