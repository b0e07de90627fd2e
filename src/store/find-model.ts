import type { Stats } from 'node:fs';
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { fileFault, systemErrorCode, VserveError } from '../errors/index.ts';
import { isRepositoryId } from '../hub/names.ts';

/**
 * Where a model is: one GGUF file, or a folder of GGUF files or of a checkpoint, by its absolute path; or a repository
 * of the Hugging Face Hub, by its id.
 */
export type ModelLocation =
  { readonly type: 'file' | 'folder'; readonly path: string } | { readonly type: 'repository'; readonly id: string };

/**
 * Resolves `--model`: an existing path first, then a repository of the Hub. Throws `model_unavailable`, which says which
 * of the two it looked like.
 */
export async function findModel(model: string): Promise<ModelLocation> {
  if (model === '' || /\p{Cc}/u.test(model)) {
    throw unavailable(model, 'is neither a path nor a Hugging Face id: it is empty or contains control characters.');
  }
  const path = resolve(model);
  // Not `path`: it turns "org/.." into the current folder although there is no "org".
  const found = await statIfPresent(model, model);
  if (found !== undefined) return { type: typeOf(model, found), path };
  if (looksLikePath(model)) {
    throw unavailable(
      model,
      `does not exist (looked at ${path}). Give the path of a .gguf file or of a model's folder.`,
    );
  }
  if (isRepositoryId(model)) return { type: 'repository', id: model };
  throw unavailable(
    model,
    'is neither an existing path nor a Hugging Face id. An id has the form org/name, with letters, digits, "-", "_" and ".".',
  );
}

function looksLikePath(model: string): boolean {
  return /^[./~]|^[a-z]:[\\/]|\\|\.gguf$|\/$|\/.*\//i.test(model);
}

async function statIfPresent(model: string, path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (cause) {
    if (['ENOENT', 'ENOTDIR', 'ENAMETOOLONG'].includes(systemErrorCode(cause) ?? '')) return undefined;
    throw unavailable(model, `cannot be read: ${fileFault(cause)}`, cause);
  }
}

function typeOf(model: string, found: Stats): 'file' | 'folder' {
  if (found.isDirectory()) return 'folder';
  if (found.isFile() && /\.gguf$/i.test(model)) return 'file';
  throw unavailable(model, 'is not a .gguf file. Give the path of one, or of the folder of a Hugging Face checkpoint.');
}

function unavailable(model: string, reason: string, cause?: unknown): VserveError {
  return new VserveError('model_unavailable', `The model ${JSON.stringify(model)} ${reason}`, {
    cause,
    param: 'model',
  });
}
