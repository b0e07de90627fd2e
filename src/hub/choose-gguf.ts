import { VserveError } from '../errors/index.ts';
import { chooseGguf, isGguf, isProjectorName } from '../gguf-choice/index.ts';
import type { Choice, ChosenFiles, RepositoryReader } from './choice.ts';
import type { RemoteFile } from './remote-file.ts';

/**
 * Chooses a GGUF model of a repository and its projector. Throws `model_unavailable`, which lists what there is,
 * `shard_missing`, `invalid_setting`, and what reading a header throws.
 */
export async function chooseGgufFiles(
  repository: string,
  files: readonly RemoteFile[],
  choice: Choice,
  reader: RepositoryReader,
): Promise<ChosenFiles> {
  const ggufs = files.filter(({ path }) => isGguf(path));
  const givenMmproj = choice.mmproj === undefined ? undefined : findProjector(repository, ggufs, choice.mmproj);
  const { encoding, mmprojEncoding, weightPath, memoryBytes } = choice;
  const local = encoding === 'auto' && weightPath === undefined ? await filesHere(ggufs, reader) : [];
  const chosen = await chooseGguf(
    local.length > 0 ? local : ggufs,
    {
      where: repository,
      advice: 'Choose one with --weight-path',
      param: 'weightPath',
      encoding,
      mmprojEncoding,
      path: weightPath,
      memoryBytes,
      otherProjectorBytes: givenMmproj?.bytes ?? choice.otherProjectorBytes,
      wantsProjector: givenMmproj === undefined && choice.otherProjectorBytes === undefined,
      ifSeveral: 'largest',
      ifNoneFits: local.length > 0 ? 'smallest' : choice.ifNoneFits,
    },
    reader.readStart,
  );
  const { model, models, reason, warning } = chosen;
  const mmproj = givenMmproj ?? chosen.mmproj;
  const licences = files.filter(({ path }) => /^(licen[cs]e|notice)[^/]*$/i.test(path));
  return {
    files: [...licences, ...(mmproj === undefined ? [] : [mmproj]), ...model.files],
    weightBytes: 0,
    gguf: { model: model.files[0], mmproj, models },
    reason,
    warning,
  };
}

/** Offline, the files that can be served; none online. */
async function filesHere(files: readonly RemoteFile[], { isHere }: RepositoryReader): Promise<RemoteFile[]> {
  if (isHere === undefined) return [];
  const are = await Promise.all(files.map((file) => isHere(file)));
  return files.filter((_, index) => are[index]);
}

function findProjector(repository: string, ggufs: readonly RemoteFile[], given: string): RemoteFile {
  const found = ggufs.find(({ path }) => path === given);
  if (found !== undefined) return found;
  const names = ggufs.filter(({ path }) => isProjectorName(path)).map(({ path }) => path);
  const message = `${repository} has no file ${JSON.stringify(given)}. Its projectors: ${names.join(', ') || 'none'}.`;
  throw new VserveError('model_unavailable', message, { param: 'mmproj' });
}
