import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileFault, VserveError } from '../../errors/index.ts';
import { adapterError, isAdapter, mlxBits, mlxError } from '../../formats/foreign-checkpoint.ts';
import { baseModelOf } from '../../formats/model-card.ts';
import { parsePythonJson } from '../../formats/python-json.ts';

/**
 * Rejects a folder that no converter can handle, and says what it is: an adapter, an MLX checkpoint. Throws
 * `model_unavailable`, also for an unreadable folder, and `checkpoint_invalid`.
 */
export async function refuseForeign(folder: string): Promise<void> {
  const names = await readdir(folder).catch((cause: unknown) => {
    const message = `The folder ${folder} cannot be read: ${fileFault(cause)}. Give the folder of a Hugging Face checkpoint.`;
    throw new VserveError('model_unavailable', message, { cause, param: 'model' });
  });
  const cardBase = async () => baseModelOf(await readFile(join(folder, 'README.md'), 'utf8').catch(() => ''));
  if (isAdapter(names)) {
    throw adapterError(folder, await objectIn(join(folder, 'adapter_config.json')), await cardBase());
  }
  const bits = mlxBits(await objectIn(join(folder, 'config.json')));
  if (bits !== undefined) throw mlxError(folder, bits, await cardBase());
}

/** An empty object for a missing or damaged file: the converter reports what is wrong. */
async function objectIn(path: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    const value = parsePythonJson(await readFile(path, 'utf8'));
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
