import { createHash } from 'node:crypto';
import { link, readdir, readlink, realpath, rm, stat, symlink } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { LogLevel } from '../../backend/index.ts';
import type { Converter } from '../../conversion/index.ts';
import { systemErrorCode, VserveError } from '../../errors/index.ts';
import { isAdapter } from '../../formats/foreign-checkpoint.ts';
import { isRepositoryId } from '../../hub/names.ts';
import { makeFolder } from '../disk/folders.ts';
import { modelNameOf } from '../downloads/snapshot.ts';
import { adapterFiles, baseOfAdapter, unquantizedBase } from './adapter-folder.ts';

export interface MergeOptions {
  /** Folder of the store. */
  readonly home: string;
  readonly loadConverter: () => Promise<Pick<Converter, 'mergedAdapterFolder'>>;
  /** The folder of a checkpoint of the Hub, downloaded where it has to be. */
  readonly pullCheckpoint: (id: string) => Promise<string>;
  readonly log: (level: LogLevel, message: string) => void;
}

/** Files of a tokenizer that a trainer saves with an adapter: its tokens and its chat template. */
const tokenizerFiles = [
  'added_tokens.json',
  'chat_template.jinja',
  'chat_template.json',
  'special_tokens_map.json',
  'tokenizer.json',
  'tokenizer.model',
  'tokenizer_config.json',
];

/** Whether a folder is that of a PEFT adapter without its model. */
export async function isAdapterFolder(folder: string): Promise<boolean> {
  return isAdapter(await readdir(folder));
}

/**
 * Puts an adapter and the checkpoint of its base model together, for the converter to merge: a folder in the store,
 * `adapted/<key>/<name>`, of links to their files. The tokenizer is the adapter's, where it has one.
 *
 * Throws `model_unavailable` where there is no base model, `checkpoint_invalid`, and what fetches it.
 */
export async function mergedCheckpoint(adapterDir: string, options: MergeOptions): Promise<string> {
  const { mergedAdapterFolder } = await options.loadConverter();
  if (mergedAdapterFolder === undefined) {
    const message = `${adapterDir} is an adapter, which llama.cpp's converter cannot merge into its base model. Leave out --converter.`;
    throw new VserveError('unsupported_capability', message, { param: 'converter' });
  }
  const adapter = await realpath(adapterDir);
  const base = await realpath(await findBase(adapter, options));
  const key = createHash('sha256')
    .update(JSON.stringify([adapter, base]))
    .digest('hex')
    .slice(0, 16);
  const folder = join(options.home, 'adapted', key, modelNameOf(adapter) ?? basename(adapter));
  const ofAdapter = await readdir(adapter);
  const tokenizer = tokenizerFiles.filter((name) => ofAdapter.includes(name));
  const ofBase = (await readdir(base)).filter((name) => !tokenizer.includes(name) && !name.startsWith('adapter_'));
  options.log('info', `${adapterDir} is an adapter: merging it into ${base}.`);
  await linkAll(folder, [
    ...ofBase.map((name) => ({ name, target: join(base, name) })),
    ...tokenizer.map((name) => ({ name, target: join(adapter, name) })),
  ]);
  await linkAll(
    join(folder, mergedAdapterFolder),
    adapterFiles.filter((name) => ofAdapter.includes(name)).map((name) => ({ name, target: join(adapter, name) })),
  );
  return folder;
}

/** The folder of the base model's checkpoint: a path as it stands, or beside the adapter, else a repository of the Hub. */
async function findBase(adapterDir: string, { pullCheckpoint, log }: MergeOptions): Promise<string> {
  const named = await baseOfAdapter(adapterDir);
  for (const path of [resolve(adapterDir, named), resolve(dirname(adapterDir), named), resolve(named)]) {
    if ((await stat(path).catch(() => undefined))?.isDirectory() === true) return path;
  }
  const id = unquantizedBase(named);
  if (!isRepositoryId(id)) {
    const message = `The adapter ${adapterDir} is for ${named}, which is not on this machine. Write the path or the Hugging Face id of the model into its adapter_config.json, under base_model_name_or_path.`;
    throw new VserveError('model_unavailable', message, { param: 'model' });
  }
  if (id !== named) log('info', `The adapter was trained on ${named}, a quantized copy: taking ${id} in its place.`);
  return pullCheckpoint(id);
}

interface Link {
  readonly name: string;
  readonly target: string;
}

/** Makes a folder hold these links and nothing else. Links that are there stay: another process may be using them. */
async function linkAll(folder: string, links: readonly Link[]): Promise<void> {
  await makeFolder(folder);
  const wanted = new Map(links.map(({ name, target }) => [name, target]));
  for (const { name, isDirectory } of await entriesOf(folder)) {
    if (!isDirectory && !wanted.has(name)) await rm(join(folder, name), { force: true });
  }
  for (const { name, target } of links) await linkTo(await realpath(target), join(folder, name));
}

async function entriesOf(folder: string): Promise<{ name: string; isDirectory: boolean }[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  return entries.map((entry) => ({ name: entry.name, isDirectory: entry.isDirectory() }));
}

async function linkTo(target: string, path: string): Promise<void> {
  if ((await readlink(path).catch(() => undefined)) === target) return;
  await rm(path, { force: true });
  try {
    await symlink(target, path);
  } catch (error) {
    // Another process was faster; Windows lets not everyone make symbolic links.
    if (systemErrorCode(error) === 'EEXIST') return;
    await link(target, path);
  }
}
