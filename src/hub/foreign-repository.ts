import { VserveError } from '../errors/index.ts';
import { adapterError, isAdapter, mlxBits, mlxError } from '../formats/foreign-checkpoint.ts';
import { baseModelOf } from '../formats/model-card.ts';
import type { Choice, RepositoryReader } from './choice.ts';
import { readObject } from './read-object.ts';
import type { RemoteFile } from './remote-file.ts';

/** What is read of a model card: the settings at its beginning. */
const MAX_CARD_BYTES = 64 * 1024;

/** Throws `model_unavailable` for a repository that holds an adapter and no model. */
export async function refuseAdapter(
  repository: string,
  files: readonly RemoteFile[],
  reader: RepositoryReader,
): Promise<void> {
  const config = files.find(({ path }) => path === 'adapter_config.json');
  if (config === undefined || !isAdapter(files.map(({ path }) => path))) return;
  throw adapterError(repository, await readObject(config, reader), await baseModelIn(files, reader));
}

/**
 * Checks the configuration of a checkpoint. Throws what `checkConfig` of the choice throws, and says which checkpoint a
 * quantized one was made from.
 */
export async function checkConfig(
  repository: string,
  files: readonly RemoteFile[],
  configFile: RemoteFile,
  choice: Choice,
  reader: RepositoryReader,
): Promise<{ readonly hasVision: boolean }> {
  const config = await readObject(configFile, reader);
  const bits = mlxBits(config);
  if (bits !== undefined) throw mlxError(repository, bits, await baseModelIn(files, reader));
  try {
    return await choice.checkConfig(config);
  } catch (error) {
    if (!(error instanceof VserveError) || error.code !== 'checkpoint_invalid') throw error;
    const base = await baseModelIn(files, reader);
    if (base === undefined) throw error;
    const message = `${error.message}\nThe model card of ${repository} names ${base} as the model it was made from.`;
    throw new VserveError(error.code, message, { cause: error, param: 'model' });
  }
}

/** The model that the repository's model is made from, by its card. */
async function baseModelIn(files: readonly RemoteFile[], reader: RepositoryReader): Promise<string | undefined> {
  const card = files.find(({ path }) => path === 'README.md');
  if (card === undefined) return undefined;
  return baseModelOf(Buffer.from(await reader.readStart(card, MAX_CARD_BYTES)).toString('utf8'));
}
