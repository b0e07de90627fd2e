import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Llama } from 'node-llama-cpp';
import type { ConverterSource } from '../../src/backend/index.ts';
import { messageOf, VserveError } from '../../src/errors/index.ts';
import type { NativeAddon } from './native-addon.ts';

const require = createRequire(import.meta.url);

/** The package's root is above both `backends/…` and `dist/backends/…`. */
function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return folder;
}

/** The name of the variant of node-llama-cpp's binaries that `llama` is, as its folder of binaries is named. */
function variantOf(llama: Pick<Llama, 'gpu'>): string {
  const platform: Partial<Record<NodeJS.Platform, string>> = { linux: 'linux', darwin: 'mac' };
  const base = `${platform[process.platform] ?? process.platform}-${process.arch}`;
  // On Apple silicon there is one variant, which also serves the CPU alone.
  if (base === 'mac-arm64') return 'mac-arm64-metal';
  return llama.gpu === false ? base : `${base}-${llama.gpu}`;
}

/** The folder of node-llama-cpp's package. */
function nodeLlamaCppRoot(): string {
  return join(dirname(fileURLToPath(import.meta.resolve('node-llama-cpp'))), '..');
}

/** The version of node-llama-cpp, and with it of llama.cpp. */
export function installedNodeLlamaCppVersion(): string {
  const manifest = readFileSync(join(nodeLlamaCppRoot(), 'package.json'), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}

/** The source of llama.cpp that node-llama-cpp brings, of the release that its binaries are built from. */
export function bundledSource(): ConverterSource {
  const folder = join(nodeLlamaCppRoot(), 'llama');
  const { tag } = JSON.parse(readFileSync(join(folder, 'llama.cpp.info.json'), 'utf8')) as { tag: string };
  return { release: tag, bundlePath: join(folder, 'gitRelease.bundle') };
}

/** Where scripts/build-native.ts puts the addons, a folder for each variant. */
const builtAddonsDir = join(packageRoot(), 'backends', 'node-llama-cpp', 'native', 'build');

/** Works in a checkout and in an installed package, whichever package manager put it there. */
export const buildCommand = `node ${JSON.stringify(join(packageRoot(), 'dist', 'scripts', 'build-native.js'))}`;

/** The program that `dry-run.ts` runs, and the folder of the libraries that it needs. Throws `native_addon_missing`. */
export function dryRunProgram(): { readonly path: string; readonly libraryDir: string } {
  const variant = variantOf({ gpu: false });
  const path = join(builtAddonsDir, variant, 'vserve-dry-run');
  if (!existsSync(path)) throw notBuilt(variant, path);
  return { path, libraryDir: join(nodeLlamaCppRoot(), '..', '@node-llama-cpp', variant, 'bins', variant) };
}

function notBuilt(variant: string, path: string): VserveError {
  return new VserveError(
    'native_addon_missing',
    `The native engine for ${variant} is not built: ${path} does not exist.\nBuild it with: ${buildCommand}`,
  );
}

/**
 * Loads the addon that was built for the variant of llama.cpp which node-llama-cpp has loaded.
 * Throws `native_addon_missing` where it was not built, `native_addon_mismatch` where it was built for another version.
 */
export function loadNativeAddon(
  llama: Pick<Llama, 'gpu' | 'buildType'>,
  addonsDir = builtAddonsDir,
  installed = installedNodeLlamaCppVersion(),
): NativeAddon {
  const variant = variantOf(llama);
  const path = join(addonsDir, variant, 'vserve-engine.node');
  if (!existsSync(path)) throw notBuilt(variant, path);
  if (llama.buildType !== 'prebuilt') {
    throw new VserveError(
      'native_addon_mismatch',
      'node-llama-cpp uses a build of its own instead of its prebuilt binaries, to which the native engine is linked. Remove that build with: npx node-llama-cpp source clear',
    );
  }
  let addon: NativeAddon;
  try {
    addon = require(path) as NativeAddon;
  } catch (cause) {
    throw new VserveError(
      'native_addon_mismatch',
      `The native engine for ${variant} could not be loaded: ${messageOf(cause)}\nBuild it again with: ${buildCommand} --force`,
      { cause },
    );
  }
  if (addon.nodeLlamaCppVersion !== installed) {
    throw new VserveError(
      'native_addon_mismatch',
      `The native engine was built for node-llama-cpp ${addon.nodeLlamaCppVersion}, but ${installed} is installed.\nBuild it again with: ${buildCommand}`,
    );
  }
  return addon;
}
