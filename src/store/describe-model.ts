import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Converter, ModelDescription } from '../conversion/index.ts';
import { identifyCheckpoint } from './conversions/checkpoint-identity.ts';
import { listConversions } from './conversions/conversions.ts';
import { refuseForeign } from './conversions/foreign-checkpoint.ts';
import { describeRemote } from './downloads/describe-remote.ts';
import type { DescribeOptions } from './downloads/describe-remote.ts';
import { currentSnapshot, listDownloads } from './downloads/downloads.ts';
import { usableMemory } from './downloads/pull-repository.ts';
import { repositoryOf } from './downloads/snapshot.ts';
import { findModel } from './find-model.ts';
import type { ModelLocation } from './find-model.ts';
import { checkGguf, findProjector } from './gguf-files.ts';
import type { LocalWish } from './gguf-files.ts';
import { ggufInFolder } from './prepare-model.ts';
import { findStored } from './remove-models.ts';

/** What is known about a model without loading it. */
export interface DescribedModel {
  /** A checkpoint is converted first; a GGUF model is served as it is. */
  readonly type: 'checkpoint' | 'gguf';
  /** Of the checkpoint's folder or the model's file; the id of a model that is only on the Hub. */
  readonly path: string;
  /** Of a model that is only on the Hub. */
  readonly commit?: string;
  readonly description: ModelDescription;
  /** The store's conversions of a checkpoint. */
  readonly conversions: readonly { readonly precision: string; readonly path: string }[];
}

/**
 * Describes a model: a folder, a `.gguf` file, a model of the store by its id or key, else a model of the Hub by its id.
 * Nothing is converted, and nothing read from the Hub is kept.
 * Throws `model_unavailable`, `gguf_invalid`, what the converter throws about a checkpoint, and the Hub's client.
 */
export async function describeModel(target: string, options: DescribeOptions): Promise<DescribedModel> {
  const home = resolve(options.home);
  const converter = await options.loadConverter();
  const location = await locate(target, home);
  if (location.type === 'repository') {
    return { ...(await describeRemote(location.id, { ...options, home })), path: location.id, conversions: [] };
  }
  const wish: LocalWish = {
    encoding: 'auto',
    mmprojEncoding: 'auto',
    memoryBytes: () => usableMemory(options.backend, options.signal),
    warn: (message) => options.log('warning', message),
  };
  const ggufPath = location.type === 'file' ? location.path : await ggufInFolder(location.path, () => undefined, wish);
  if (ggufPath === undefined) return describeCheckpoint(location.path, home, converter, options.signal);
  await checkGguf(ggufPath);
  const description = await converter.describeGguf(ggufPath, await findProjector(ggufPath, wish));
  return { type: 'gguf', path: ggufPath, description, conversions: [] };
}

async function describeCheckpoint(path: string, home: string, converter: Converter, signal: AbortSignal) {
  await refuseForeign(path);
  const description = await converter.describeCheckpoint(path, signal);
  const source = await identifyCheckpoint(path, converter);
  const conversions = (await listConversions(home)).flatMap(({ manifest, path }) =>
    manifest?.source.path === source.path ? [{ precision: manifest.settings.precision, path }] : [],
  );
  // The folder of a snapshot is named by its commit.
  const name = repositoryOf(source.path)?.repository ?? description.name;
  return { type: 'checkpoint' as const, path, description: { ...description, name }, conversions };
}

/** Looks on the disk first, then in the store, then on the Hub. */
async function locate(target: string, home: string): Promise<ModelLocation> {
  if (existsSync(target)) return findModel(target);
  const download = (await listDownloads(home)).find(({ repository }) => repository === target);
  const snapshot = download === undefined ? undefined : await currentSnapshot(download);
  if (snapshot !== undefined) return { type: 'folder', path: snapshot.path };
  const [stored] = await findStored(home, target).catch(() => []);
  return stored === undefined ? findModel(target) : { type: 'folder', path: stored.path };
}
