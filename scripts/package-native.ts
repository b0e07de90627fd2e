/**
 * Packs the native engine that was built here into the npm package of this platform, such as `@vserve/linux-x64`: the
 * addon of each variant, the program that tries models, licences.
 *
 *     npm run build && node dist/scripts/package-native.js [--out packages]
 *
 * On Linux the addons must run wherever node-llama-cpp's own libraries do: if one asks for newer symbols of glibc or
 * libstdc++, nothing is packed. Build on an older distribution then. libstdc++ is not linked statically, because strings
 * and exceptions cross between the addon and these libraries.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import {
  installedNodeLlamaCppVersion,
  installedVariants,
  packageRoot,
  productsOf,
} from '../backends/node-llama-cpp/installation.ts';
import type { Variant } from '../backends/node-llama-cpp/installation.ts';
import { scriptArguments } from './arguments.ts';
import { cmakeDir } from './native-build/folders.ts';
import { findTools } from './native-build/tools.ts';
import { readManifest } from './package/manifest.ts';
import { pack } from './package/pack.ts';
import { packageOf, platforms } from './package/platforms.ts';
import { isNewer, symbolVersions } from './package/symbol-versions.ts';

const { values } = scriptArguments({ options: { out: { type: 'string', default: 'packages' } } });
const out = resolve(values.out);
const platform = `${process.platform}-${process.arch}`;
const name = packageOf(platform);

/** Problems by file: symbols that are newer than all that node-llama-cpp's libraries ask for. */
function newerSymbols(folder: string, variants: readonly Variant[]): string[] {
  return variants.flatMap((variant) => {
    const libraries = readdirSync(variant.libraryDir).filter((file) => /\.(?:so|node)$/.test(file));
    const allowed = libraries.map((file) => symbolVersions(join(variant.libraryDir, file)));
    return productsOf(variant.name).flatMap((product) =>
      [...symbolVersions(join(folder, variant.name, product))]
        .filter(([family, version]) => !allowed.some((other) => !isNewer(version, other.get(family) ?? '0')))
        .map(([family, version]) => `${variant.name}/${product} needs ${family}_${version}`),
    );
  });
}

function writePackageFiles(folder: string, variants: readonly Variant[]): void {
  const { version, homepage, bugs, repository, license, author, engines } = readManifest();
  const manifest = {
    name,
    version,
    description: `The native engine of vserve for ${platform}`,
    homepage,
    bugs,
    repository,
    license,
    author,
    engines,
    os: [process.platform],
    cpu: [process.arch],
    ...(process.platform === 'linux' ? { libc: ['glibc'] } : {}),
    // The addons have the memory layout of this version, and its libraries are what they are linked to.
    nodeLlamaCpp: installedNodeLlamaCppVersion(),
    preferUnplugged: true,
  };
  const names = variants.map((variant) => `- ${variant.name}`).join('\n');
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest, undefined, 2)}\n`);
  writeFileSync(
    join(folder, 'README.md'),
    `# ${name}\n\nThe native engine of [vserve](${homepage}) ${version}, compiled for ${platform}. It comes with vserve, as an optional dependency.\n\nVariants, by what they compute on:\n\n${names}\n`,
  );
  for (const file of ['LICENSE', 'NOTICE']) copyFileSync(join(packageRoot, file), join(folder, file));
}

async function main(): Promise<void> {
  if (!platforms.includes(platform)) throw new Error(`There is no package for ${platform}.`);
  execFileSync(process.execPath, [join(import.meta.dirname, 'build-native.js')], { stdio: 'inherit' });
  const variants = installedVariants();
  const folder = join(out, basename(name));
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const { cmake } = await findTools();
  // Strips symbols, and replaces the path to this machine's libraries.
  execFileSync(cmake, ['--install', cmakeDir, '--config', 'Release', '--prefix', folder, '--strip'], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  for (const { name: variant } of variants) {
    const absent = productsOf(variant).filter((product) => !existsSync(join(folder, variant, product)));
    if (absent.length > 0) throw new Error(`${variant} was not built: ${absent.join(', ')} missing`);
  }
  const problems = process.platform === 'linux' ? newerSymbols(folder, variants) : [];
  if (problems.length > 0) {
    throw new Error(`This system is too new to build for others:\n${problems.map((line) => `  ${line}`).join('\n')}`);
  }
  writePackageFiles(folder, variants);
  console.log(pack(folder, out));
}

await main();
