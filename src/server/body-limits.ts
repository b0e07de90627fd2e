import type { ReceiveOptions } from './receive-body.ts';
import type { SharedOptions } from './route-options.ts';

/** The limits of a body: the settings, and the memory available. */
export function bodyLimits({
  settings,
  memory,
}: SharedOptions): Pick<ReceiveOptions, 'maxBytes' | 'timeoutMs' | 'memory'> {
  const maxBytes = Math.min(settings.maxRequestBytes, memory.maxBodyBytes);
  return { maxBytes, timeoutMs: settings.bodyTimeoutS * 1000, memory };
}
