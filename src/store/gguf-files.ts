import { open, readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { messageOf, VserveError } from '../errors/index.ts';
import { splitPart } from '../hub/gguf-names.ts';

/** File names of the GGUF models and vision projectors (`mmproj*.gguf`) in a folder; of a split model the first part. */
export interface GgufNames {
  readonly models: readonly string[];
  readonly projectors: readonly string[];
}

/** Sorts the GGUF files among the names of a folder. */
export function ggufNames(names: readonly string[]): GgufNames {
  const all = names.filter((name) => /\.gguf$/i.test(name)).sort();
  return {
    models: all.filter((name) => !/mmproj/i.test(name) && (splitPart(name)?.part ?? 1) === 1),
    projectors: all.filter((name) => /^mmproj/i.test(name)),
  };
}

/**
 * Checks that a path is a GGUF file and, where the model is split over several, that it is the first and none is
 * missing. Throws `model_unavailable`, `gguf_invalid`, `shard_missing`.
 */
export async function checkGguf(path: string): Promise<void> {
  if ((await readMagic(path)) !== 'GGUF') {
    throw new VserveError('gguf_invalid', `${path} is not a GGUF file: it does not start with "GGUF".`);
  }
  const split = splitPart(basename(path));
  if (split === undefined) return;
  if (split.part !== 1) {
    throw new VserveError('model_unavailable', `${path} is part ${split.part} of a model. Give the first part.`);
  }
  const present = await readdir(dirname(path));
  const missing = split.names.filter((name) => !present.includes(name));
  if (missing.length > 0) {
    throw new VserveError('shard_missing', `Parts of the model ${path} are missing: ${missing.join(', ')}.`);
  }
}

/**
 * The projector of a model: the one given, else the only `mmproj*.gguf` beside it, else none; a projector has none. Throws
 * `invalid_setting` when there are several to choose from.
 */
export async function findProjector(modelPath: string, given: string | undefined): Promise<string | undefined> {
  if (given !== undefined) return given;
  const folder = dirname(modelPath);
  const { projectors } = ggufNames(await readdir(folder));
  const [only] = projectors;
  if (projectors.includes(basename(modelPath))) return undefined;
  if (projectors.length > 1) {
    throw new VserveError(
      'invalid_setting',
      `Beside ${modelPath} there are several projectors: ${projectors.join(', ')}. Choose one with --mmproj.`,
      { param: 'mmproj' },
    );
  }
  return only === undefined ? undefined : join(folder, only);
}

async function readMagic(path: string): Promise<string> {
  try {
    await using file = await open(path, 'r');
    const { buffer } = await file.read({ buffer: Buffer.alloc(4) });
    return buffer.toString('latin1');
  } catch (cause) {
    throw new VserveError('model_unavailable', `The file ${path} cannot be read: ${messageOf(cause)}`, { cause });
  }
}
