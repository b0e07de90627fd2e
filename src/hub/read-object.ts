import { VserveError } from '../errors/index.ts';
import { parsePythonJson } from '../formats/python-json.ts';
import type { RepositoryReader } from './choice.ts';
import type { RemoteFile } from './remote-file.ts';

/** The largest configuration or index that is read. */
const MAX_TEXT_BYTES = 64 * 1024 * 1024;

/** Reads a JSON object of a repository. Throws `checkpoint_invalid`, and what reading throws. */
export async function readObject(
  file: RemoteFile,
  { readText }: RepositoryReader,
): Promise<Readonly<Record<string, unknown>>> {
  if (file.bytes > MAX_TEXT_BYTES) {
    throw new VserveError(
      'checkpoint_invalid',
      `${file.path} has ${file.bytes} bytes, more than the limit of ${MAX_TEXT_BYTES}.`,
    );
  }
  const text = await readText(file);
  try {
    const value = parsePythonJson(text);
    if (typeof value === 'object' && value !== null) return value as Readonly<Record<string, unknown>>;
  } catch (cause) {
    throw new VserveError('checkpoint_invalid', `${file.path} of the repository is not valid JSON.`, { cause });
  }
  throw new VserveError('checkpoint_invalid', `${file.path} of the repository is not a JSON object.`);
}
