import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { VserveError } from '../errors/index.ts';
import { identifyCheckpoint } from './checkpoint-identity.ts';
import { listConversions } from './conversions.ts';
import type { Converter, ModelDescription } from './converter.ts';
import { currentSnapshot, listDownloads } from './downloads.ts';
import { findModel } from './find-model.ts';
import { checkGguf, findProjector } from './gguf-files.ts';
import { ggufInFolder } from './prepare-model.ts';
import { findStored } from './remove-models.ts';

/** A model that was looked at, and not loaded. */
export interface DescribedModel {
  /** A checkpoint is to be converted; a GGUF model is served as it is. */
  readonly type: 'checkpoint' | 'gguf';
  /** Of the checkpoint's folder, or the model's file. */
  readonly path: string;
  readonly description: ModelDescription;
  /** What the store has made of a checkpoint. */
  readonly conversions: readonly { readonly precision: string; readonly path: string }[];
}

/**
 * Looks at a model: a folder, a `.gguf` file, or what is in the store by its id or key. Nothing is converted.
 * Throws `model_unavailable`, `gguf_invalid`, and what the converter throws about a checkpoint.
 */
export async function describeModel(
  target: string,
  { home, converter, signal }: { readonly home: string; readonly converter: Converter; readonly signal: AbortSignal },
): Promise<DescribedModel> {
  const location = await locate(target, resolve(home));
  const ggufPath = location.type === 'file' ? location.path : await ggufInFolder(location.path, () => undefined);
  if (ggufPath === undefined) return describeCheckpoint(location.path, resolve(home), converter, signal);
  await checkGguf(ggufPath);
  const description = await converter.describeGguf(ggufPath, await findProjector(ggufPath, undefined));
  return { type: 'gguf', path: ggufPath, description, conversions: [] };
}

async function describeCheckpoint(path: string, home: string, converter: Converter, signal: AbortSignal) {
  const description = await converter.describeCheckpoint(path, signal);
  const source = await identifyCheckpoint(path, converter);
  const conversions = (await listConversions(home)).flatMap(({ manifest, path }) =>
    manifest?.source.path === source.path ? [{ precision: manifest.settings.precision, path }] : [],
  );
  return { type: 'checkpoint' as const, path, description, conversions };
}

/** What is on the disk goes first, then what is in the store. */
async function locate(target: string, home: string) {
  if (existsSync(target)) return findLocal(target);
  const download = (await listDownloads(home)).find(({ repository }) => repository === target);
  const snapshot = download === undefined ? undefined : await currentSnapshot(download);
  if (snapshot !== undefined) return { type: 'folder' as const, path: snapshot.path };
  const [stored] = await findStored(home, target).catch(() => []);
  return stored === undefined ? findLocal(target) : { type: 'folder' as const, path: stored.path };
}

async function findLocal(target: string) {
  const location = await findModel(target);
  if (location.type !== 'repository') return location;
  const message = `${target} is not in the store. To fetch it: vserve pull ${target}`;
  throw new VserveError('model_unavailable', message, { param: 'model' });
}
