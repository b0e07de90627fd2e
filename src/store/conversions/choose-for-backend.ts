import { prepareBackend } from '../../backend/index.ts';
import type { Backend, LogLevel, Quantizer } from '../../backend/index.ts';
import type { ModelDescription } from '../../conversion/index.ts';
import { choosePrecision } from './choose-precision.ts';
import { needsQuantizer } from './make-model.ts';
import { requirePrecision } from './precision.ts';
import type { Precision } from './precision.ts';

/** The backend that a model is made for, and the devices it should use. */
export interface BackendChoice {
  readonly load: () => Promise<Backend>;
  /** As `--devices`. */
  readonly devices: string;
  /** Where the backend keeps what it has found out, if it may. */
  readonly cacheFolder?: string | undefined;
}

/**
 * Decides the precision, and finds the quantizer if one is needed. Logs what `auto` became and why. A backend that is not
 * needed is not loaded. Throws `invalid_setting` for a type that a checkpoint cannot
 * be converted to, and what the backend throws about its devices.
 */
export async function choose(
  asked: string,
  description: ModelDescription,
  { load, devices, cacheFolder }: BackendChoice,
  { log, signal }: { readonly log: (level: LogLevel, message: string) => void; readonly signal: AbortSignal },
): Promise<{ readonly precision: Precision; readonly quantizer: Quantizer | undefined }> {
  const given = requirePrecision(asked);
  if (given !== 'auto' && !needsQuantizer(given)) return { precision: given, quantizer: undefined };
  const backend = await load();
  if (given !== 'auto') {
    await prepareBackend(backend, { log, signal });
    return { precision: given, quantizer: backend.quantizer };
  }
  const { quantizer } = backend;
  const sizes = description.sizes.filter(({ precision }) => quantizer !== undefined || !needsQuantizer(precision));
  const memory = await backend.deviceMemory?.(devices, { log: () => undefined, signal, cacheFolder });
  const choice = choosePrecision({ ...description, sizes }, memory);
  log(choice.fits ? 'info' : 'warning', `Precision ${choice.reason}`);
  if (needsQuantizer(choice.precision)) await prepareBackend(backend, { log, signal });
  return { precision: choice.precision, quantizer };
}
