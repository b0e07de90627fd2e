import { readdir } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { VserveError } from '../errors/index.ts';
import {
  candidatesOf,
  chooseGguf,
  chooseProjector,
  Headers,
  isTypeFolder,
  kindInStart,
  kindNames,
  splitPart,
} from '../gguf-choice/index.ts';
import { parseGgufStart } from '../gguf/read-header.ts';
import { listGgufs, readStart, readStartIn, toSlashes } from './disk/gguf-folder.ts';

/** What to choose in a folder: types of weights by their names in files, or `auto`. */
export interface LocalWish {
  readonly encoding: string;
  readonly mmprojEncoding: string;
  readonly memoryBytes: () => Promise<number | undefined>;
  readonly warn: (message: string) => void;
}

/** Enough of a header to tell what a file is. */
const START_BYTES = 64 * 1024;

/**
 * The GGUF model of a folder: the only one, or, of one model in several types, the type asked for or the best that fits
 * the memory. Undefined if there is none. Throws `model_unavailable`, `shard_missing`.
 */
export async function chooseInFolder(folder: string, wish: LocalWish): Promise<string | undefined> {
  const files = await listGgufs(folder, () => true);
  if (candidatesOf(files).length === 0) return undefined;
  const { model } = await chooseGguf(
    files,
    {
      where: folder,
      advice: 'Give --model the path of one',
      param: 'model',
      ...wish,
      ifSeveral: 'ask',
      ifNoneFits: 'smallest',
      // The caller looks for it beside the model, as for a model given by its path.
      wantsProjector: false,
    },
    readStartIn(folder),
  );
  return join(folder, model.path);
}

/**
 * The projector of a model among the files beside it; undefined if there is none. Throws `invalid_setting` if several
 * could be it.
 */
export async function findProjector(
  modelPath: string,
  { mmprojEncoding, warn }: Pick<LocalWish, 'mmprojEncoding' | 'warn'>,
): Promise<string | undefined> {
  const folder = dirname(modelPath);
  // In a copy of a repository the projector lies above the folders of its types.
  const root = isTypeFolder(basename(folder)) ? dirname(folder) : folder;
  const files = await listGgufs(root, (name) => isTypeFolder(name) || /^mm[-_]?proj/i.test(name));
  const path = toSlashes(relative(root, modelPath));
  const model = candidatesOf(files).find((candidate) => candidate.files.some((file) => file.path === path));
  if (model === undefined) return undefined;
  const headers = new Headers(readStartIn(root));
  if ((await headers.ofModel(model)).kind === 'projector') return undefined;
  const { mmproj, warning } = await chooseProjector(model, files, mmprojEncoding, headers);
  if (warning !== undefined) warn(warning);
  return mmproj && join(root, mmproj.path);
}

/**
 * Checks that a path is a GGUF file and, for a split model, that it is the first part and no part is missing. Throws
 * `model_unavailable`, `gguf_invalid`, `shard_missing`.
 */
export async function checkGguf(path: string): Promise<void> {
  const start = await readStart(path, 4);
  if (Buffer.from(start).toString('latin1') !== 'GGUF') {
    throw new VserveError('gguf_invalid', `${path} is not a GGUF file: it does not start with "GGUF".`);
  }
  const split = splitPart(basename(path));
  if (split === undefined) return;
  if (split.part !== 1) {
    throw new VserveError('model_unavailable', `${path} is part ${split.part} of a split model. Give the first part.`);
  }
  const present = await readdir(dirname(path));
  const missing = split.names.filter((name) => !present.includes(name));
  if (missing.length > 0) {
    throw new VserveError('shard_missing', `Parts of the model ${path} are missing: ${missing.join(', ')}.`);
  }
}

/** Throws `model_unavailable` for a GGUF file whose header says that it is not a model. */
export async function requireModel(path: string): Promise<void> {
  const kind = kindOf(await readStart(path, START_BYTES));
  if (kind === undefined || kind === 'model') return;
  const advice = kind === 'projector' ? ' Give it to --mmproj, and the model to --model.' : ' Give --model a model.';
  throw new VserveError('model_unavailable', `${path} is ${kindNames[kind]}.${advice}`, { param: 'model' });
}

function kindOf(start: Uint8Array): ReturnType<typeof kindInStart> {
  try {
    return kindInStart(parseGgufStart(start));
  } catch {
    // Loading it reports what is wrong.
    return undefined;
  }
}
