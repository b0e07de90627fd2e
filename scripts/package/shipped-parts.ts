import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { bundledSource, packageRoot } from '../../backends/node-llama-cpp/installation.ts';

/** A project of somebody else's of which vserve's own packages contain code. */
export interface ShippedPart {
  readonly name: string;
  readonly version: string;
  /** An expression of SPDX identifiers. */
  readonly license: string;
  /** Its package URL. */
  readonly purl: string;
}

/** Of what runs in Node.js, and of the page at `/`. */
export const bundledLicences = ['dist/bundle/LICENSES.md', 'dist/src/server/playground/page/LICENSES.md'];

const requireFromHere = createRequire(import.meta.url);

/** What is compiled into the native engine, or copied or bundled into dist. Needs a built dist. */
export function shippedParts(): ShippedPart[] {
  const { release } = bundledSource();
  const llamaCpp: ShippedPart = {
    name: 'llama.cpp',
    version: release,
    license: 'MIT',
    purl: `pkg:github/ggml-org/llama.cpp@${release}`,
  };
  const npm = ['node-addon-api', 'node-api-headers', 'node-llama-cpp', 'swagger-ui-dist'].map(installed);
  return [llamaCpp, ...npm, ...bundledLicences.flatMap(bundledParts)];
}

function installed(name: string): ShippedPart {
  const folders = requireFromHere.resolve.paths(name) ?? [];
  const path = folders.map((folder) => join(folder, name, 'package.json')).find((file) => existsSync(file));
  if (path === undefined) throw new Error(`${name} is not installed in ${dirname(import.meta.dirname)}`);
  const { version, license } = JSON.parse(readFileSync(path, 'utf8')) as { version: string; license: string };
  return { name, version, license, purl: npmUrl(name, version) };
}

/** Libraries that the build has bundled, as a list of their licences names them: `## preact - 10.29.8 (MIT)`. */
function bundledParts(licencesPath: string): ShippedPart[] {
  const list = readFileSync(join(packageRoot, licencesPath), 'utf8');
  return [...list.matchAll(/^## (\S+) - (\S+) \((.+)\)$/gm)].map(([, name = '', version = '', license = '']) => ({
    name,
    version,
    license: license.replace(/^\((.*)\)$/, '$1'),
    purl: npmUrl(name, version),
  }));
}

function npmUrl(name: string, version: string): string {
  return `pkg:npm/${name.replace('@', '%40')}@${version}`;
}
