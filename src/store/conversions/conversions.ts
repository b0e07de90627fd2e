import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Converter, ModelDescription } from '../../conversion/index.ts';
import { namesIn } from '../disk/folders.ts';
import type { CheckpointIdentity } from './checkpoint-identity.ts';
import { readManifest } from './manifest.ts';
import type { Manifest } from './manifest.ts';

/** A folder in `converted/`. */
export interface StoredConversion {
  /** 16 hexadecimal digits: the end of the folder's name. */
  readonly key: string;
  readonly path: string;
  /** Undefined if it cannot be read: from another version of vserve, or damaged. */
  readonly manifest: Manifest | undefined;
}

/** All conversions in the store, sorted by the names of their folders. */
export async function listConversions(home: string): Promise<StoredConversion[]> {
  const folder = join(home, 'converted');
  const names = await namesIn(folder);
  return Promise.all(
    names.map(async (name) => {
      const path = join(folder, name);
      return { key: name.slice(name.lastIndexOf('-') + 1), path, manifest: await readManifest(path) };
    }),
  );
}

/** The description of a checkpoint that was converted before, in any precision. */
export async function knownDescription(
  home: string,
  source: CheckpointIdentity,
  { converterVersion }: Converter,
): Promise<ModelDescription | undefined> {
  const same = (await listConversions(home)).find(
    ({ manifest }) =>
      manifest?.settings.converterVersion === converterVersion &&
      isDeepStrictEqual(withoutUndefined(manifest.source), withoutUndefined(source)),
  );
  return same?.manifest?.description;
}

function withoutUndefined(value: CheckpointIdentity): unknown {
  return JSON.parse(JSON.stringify(value));
}
