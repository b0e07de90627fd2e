import type { Stats } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { messageOf, systemErrorCode, VserveError } from '../errors/index.ts';

/** Where a model is: one GGUF file, or a folder of GGUF files or of a checkpoint. Paths are absolute. */
export interface ModelLocation {
  readonly type: 'file' | 'folder';
  readonly path: string;
}

/**
 * Finds what `--model` names: an existing path first, then a Hugging Face id in the store.
 * Throws `model_unavailable`, saying which of the two it looked like.
 */
export async function findModel(model: string, home: string): Promise<ModelLocation> {
  if (model === '' || /\p{Cc}/u.test(model)) {
    throw unavailable(model, 'is no path and no Hugging Face id: it is empty or has control characters in it.');
  }
  const path = resolve(model);
  // Not `path`, in which "org/.." has become the current folder although there is no "org".
  const found = await statIfPresent(model, model);
  if (found !== undefined) return { type: typeOf(model, found), path };
  if (looksLikePath(model)) {
    throw unavailable(
      model,
      `does not exist (looked at ${path}). Give the path of a .gguf file or of a model's folder.`,
    );
  }
  const [owner = '', name = ''] = splitId(model);
  const stored = join(home, 'hub', owner, name);
  if ((await statIfPresent(model, stored))?.isDirectory() === true) return { type: 'folder', path: stored };
  throw unavailable(
    model,
    `is not in the store, and vserve cannot download models yet.\nDownload it by other means and give --model the path of its folder, or of a .gguf file; or put the folder at ${stored}.`,
  );
}

function looksLikePath(model: string): boolean {
  return /^[./~]|^[a-z]:[\\/]|\\|\.gguf$|\/$|\/.*\//i.test(model);
}

/** Owner and name of an id: what the Hub itself allows. Throws `model_unavailable`. */
function splitId(model: string): string[] {
  const parts = model.split('/');
  const isValid = parts.length === 2 && parts.every(isIdPart);
  if (isValid) return parts;
  throw unavailable(
    model,
    'is no existing path and no Hugging Face id. An id has the form org/name, of letters, digits, "-", "_" and ".".',
  );
}

function isIdPart(part: string): boolean {
  return /^[a-z0-9][a-z0-9._-]{0,95}$/i.test(part) && !/\.\.|--|[.-]$|\.git$/.test(part);
}

async function statIfPresent(model: string, path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (cause) {
    if (['ENOENT', 'ENOTDIR', 'ENAMETOOLONG'].includes(systemErrorCode(cause) ?? '')) return undefined;
    throw unavailable(model, `cannot be read: ${messageOf(cause)}`, cause);
  }
}

function typeOf(model: string, found: Stats): ModelLocation['type'] {
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
