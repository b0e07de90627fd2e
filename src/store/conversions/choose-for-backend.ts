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
}

/**
 * Decides the precision, and finds the quantizer if one is needed. Logs what `auto` became and why. A backend that is not
 * needed is not loaded. Throws `invalid_setting` for a type that a checkpoint cannot
 * be converted to, and what the backend throws about its devices.
 */
export async function choose(
  asked: string,
  description: ModelDescription,
  { load, devices }: BackendChoice,
  log: (level: LogLevel, message: string) => void,
): Promise<{ readonly precision: Precision; readonly quantizer: Quantizer | undefined }> {
  const given = requirePrecision(asked);
  if (given !== 'auto') {
    return { precision: given, quantizer: needsQuantizer(given) ? (await load()).quantizer : undefined };
  }
  const backend = await load();
  const { quantizer } = backend;
  const sizes = description.sizes.filter(({ precision }) => quantizer !== undefined || !needsQuantizer(precision));
  const choice = choosePrecision({ ...description, sizes }, await backend.deviceMemory?.(devices, () => undefined));
  log(choice.fits ? 'info' : 'warning', `Precision ${choice.reason}`);
  return { precision: choice.precision, quantizer };
}
