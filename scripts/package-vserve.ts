/**
 * Packs vserve for publication: as `npm pack` does, with the packages of the native engine as optional dependencies. A
 * checkout does not depend on them: they are made from it.
 *
 *     node dist/scripts/package-vserve.js [--out packages] [--no-build]
 *
 * `--no-build` packs dist as it is.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { packageRoot } from '../backends/node-llama-cpp/installation.ts';
import { scriptArguments } from './arguments.ts';
import { readManifest } from './package/manifest.ts';
import { pack } from './package/pack.ts';
import { packageOf, platforms } from './package/platforms.ts';

const { values } = scriptArguments({
  options: { out: { type: 'string', default: 'packages' }, 'no-build': { type: 'boolean', default: false } },
});
const out = resolve(values.out);
mkdirSync(out, { recursive: true });
const folder = mkdtempSync(join(tmpdir(), 'vserve-pack-'));
try {
  const tarball = pack(packageRoot, folder, { scripts: !values['no-build'] });
  execFileSync('tar', ['-xzf', tarball, '-C', folder]);
  const unpacked = join(folder, 'package');
  const manifest = readManifest(unpacked);
  const ours = Object.fromEntries(platforms.map((platform) => [packageOf(platform), manifest.version]));
  const complete = { ...manifest, optionalDependencies: { ...manifest.optionalDependencies, ...ours } };
  writeFileSync(join(unpacked, 'package.json'), `${JSON.stringify(complete, undefined, 2)}\n`);
  console.log(pack(unpacked, out));
} finally {
  rmSync(folder, { recursive: true });
}
