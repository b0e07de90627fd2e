import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../backends/node-llama-cpp/installation.ts';

/** What packages of vserve say alike about themselves. */
export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly homepage: string;
  readonly bugs: string;
  readonly repository: { readonly type: string; readonly url: string };
  readonly license: string;
  readonly author: string;
  readonly engines: { readonly node: string };
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** vserve's package.json. */
export function readManifest(folder = packageRoot): Manifest {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
}
