import { randomUUID } from 'node:crypto';
import { readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import type { Converter } from '../../conversion/index.ts';
import { VserveError } from '../../errors/index.ts';
import { isGguf } from '../../gguf-choice/index.ts';
import { readGgufHeader } from '../../gguf/read-header.ts';
import { explainDiskError } from '../disk/disk-errors.ts';
import { makeFolder } from '../disk/folders.ts';
import { pullFiles } from '../downloads/pull-repository.ts';
import type { StoreAccess } from '../downloads/pull-repository.ts';
import { modelNameOf } from '../downloads/snapshot.ts';
import { findModel } from '../find-model.ts';
import { removeLeftovers } from '../locks/leftovers.ts';
import { lockPath, withLock } from '../locks/lock.ts';
import { adapterFiles } from './adapter-folder.ts';
import { adapterKey, isConverted, manifestPath, originOf, writeAdapterManifest } from './adapter-manifest.ts';

export interface PrepareAdapterOptions extends StoreAccess {
  /** A `.gguf` file, a folder with one or with a PEFT adapter, or a Hugging Face id of a PEFT adapter. */
  readonly adapter: string;
  /** The folder of the checkpoint that the served model was converted from; undefined for a model that is GGUF already. */
  readonly checkpointDir: string | undefined;
  /** As `--max-lora-rank`. */
  readonly maxRank: number | undefined;
  readonly loadConverter: () => Promise<Pick<Converter, 'convertAdapter' | 'converterVersion'>>;
}

/**
 * Finds the GGUF file of an adapter, converting one of PEFT's where it has to be. Throws `model_unavailable`,
 * `invalid_setting` for a rank over the limit, and what the Hub's client and the converter throw.
 */
export async function prepareAdapter(options: PrepareAdapterOptions): Promise<string> {
  const home = resolve(options.home);
  try {
    const path = await findAdapter({ ...options, home });
    await checkRank(path, options.maxRank);
    return path;
  } catch (error) {
    throw explainDiskError(error, home, 'Set VSERVE_HOME to a folder that you can write to.');
  }
}

async function findAdapter(options: PrepareAdapterOptions): Promise<string> {
  const location = await findModel(options.adapter);
  if (location.type === 'file') return location.path;
  const folder =
    location.type === 'repository' ? (await pullFiles(location.id, adapterFiles, options)).folder : location.path;
  const names = await readdir(folder);
  if (adapterFiles.every((name) => names.includes(name))) return convertOnce(folder, options);
  const [gguf, ...others] = names.filter(isGguf);
  if (gguf !== undefined && others.length === 0) return join(folder, gguf);
  const what = gguf === undefined ? `neither ${adapterFiles.join(' and ')} nor a .gguf file` : 'several .gguf files';
  throw new VserveError(
    'model_unavailable',
    `The adapter's folder ${folder} holds ${what}. Give the path of an adapter.`,
  );
}

/** Converts an adapter into `adapters/<name>-<key>.gguf`, if that is not there. */
async function convertOnce(folder: string, options: PrepareAdapterOptions): Promise<string> {
  const { checkpointDir, home, signal, log } = options;
  const converter = await options.loadConverter();
  if (checkpointDir === undefined) {
    const message = `${folder} is an adapter in PEFT's format, and the model is a GGUF file, which does not tell how to convert it. Serve the model from its checkpoint, or convert the adapter with llama.cpp's convert_lora_to_gguf.py and give the result.`;
    throw new VserveError('model_unavailable', message);
  }
  if (converter.convertAdapter === undefined) {
    const message = `--converter llama.cpp converts no adapters. Leave it out, or convert ${folder} with llama.cpp's convert_lora_to_gguf.py and give the result.`;
    throw new VserveError('unsupported_capability', message);
  }
  const origin = await originOf(folder, checkpointDir, converter.converterVersion);
  const { adapterDir, baseDir } = origin;
  const key = adapterKey(origin);
  const name = (modelNameOf(adapterDir) ?? basename(adapterDir)).replaceAll(/[^\w.-]+/g, '_').slice(0, 60);
  const path = join(home, 'adapters', `${name}-${key}.gguf`);
  if (await isConverted(path)) return path;
  const onWait = (): void => log('info', `Another vserve is converting ${folder}: waiting for it.`);
  return withLock(lockPath(home, key), { signal, onWait }, async () => {
    if (await isConverted(path)) return path;
    await removeLeftovers(home, key);
    const workDir = join(home, 'converting', `${key}.${randomUUID()}`);
    await makeFolder(workDir);
    await makeFolder(join(home, 'adapters'));
    try {
      const unfinished = join(workDir, 'adapter.gguf');
      await converter.convertAdapter?.({ baseDir, adapterDir, path: unfinished, signal });
      await writeAdapterManifest(unfinished, origin, signal);
      // The file comes last: what is there has its manifest.
      await rename(manifestPath(unfinished), manifestPath(path));
      await rename(unfinished, path);
      return path;
    } finally {
      await rm(workDir, { recursive: true, force: true });
    }
  });
}

async function checkRank(path: string, maxRank: number | undefined): Promise<void> {
  if (maxRank === undefined || !(await stat(path)).isFile()) return;
  const { tensors } = await readGgufHeader(path);
  const ranks = tensors.filter(({ name }) => name.endsWith('.lora_b')).map(({ shape }) => shape.at(-1) ?? 0);
  const rank = Math.max(0, ...ranks);
  if (rank <= maxRank) return;
  const message = `The adapter ${path} has the rank ${rank}, and --max-lora-rank is ${maxRank}.`;
  throw new VserveError('invalid_setting', message, { param: 'maxLoraRank' });
}
