import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Llama } from 'node-llama-cpp';
import { messageOf, VserveError } from '../../src/errors/index.ts';
import {
  addonsDirs,
  cpuVariant,
  dryRunName,
  installedNodeLlamaCppVersion,
  installedVariants,
  nodeLlamaCppRoot,
  packageRoot,
  productsOf,
  variantPrefix,
} from './installation.ts';
import type { NativeAddon } from './native-addon.ts';

const require = createRequire(import.meta.url);

/** The name of the variant of node-llama-cpp's binaries that `llama` is, as its folder of binaries is named. */
function variantOf(llama: Pick<Llama, 'gpu'>): string {
  return llama.gpu === false || cpuVariant !== variantPrefix ? cpuVariant : `${variantPrefix}-${llama.gpu}`;
}

/** Works in a checkout and in an installed package, whichever package manager put it there. */
export const buildScript = join(packageRoot, 'dist', 'scripts', 'build-native.js');
export const buildCommand = `node ${JSON.stringify(buildScript)}`;

/** Of a variant's product, where there is one, the best first. */
function pathsOf(variant: string, product: string, dirs: readonly string[]): string[] {
  return dirs.map((dir) => join(dir, variant, product)).filter((path) => existsSync(path));
}

/** The variants of node-llama-cpp's binaries that are installed here, and have no addon yet. */
export function variantsWithoutAddon(): string[] {
  const dirs = addonsDirs();
  return installedVariants()
    .map(({ name }) => name)
    .filter((name) => productsOf(name).some((product) => pathsOf(name, product, dirs).length === 0));
}

export interface DryRunProgram {
  readonly path: string;
  /** The folder of the libraries that it needs. */
  readonly libraryDir: string;
}

/** The program that `dry-run.ts` runs. Throws `native_addon_missing`. */
export function dryRunProgram(): DryRunProgram {
  const [path] = pathsOf(cpuVariant, dryRunName, addonsDirs());
  if (path === undefined) throw notBuilt(cpuVariant);
  const libraryDir = join(nodeLlamaCppRoot(), '..', '@node-llama-cpp', cpuVariant, 'bins', cpuVariant);
  return { path, libraryDir };
}

function notBuilt(variant: string): VserveError {
  const message = `The native engine for ${variant} is not built.\nBuild it with: ${buildCommand}`;
  return new VserveError('native_addon_missing', message);
}

/**
 * Loads the addon that was built for the variant of llama.cpp which node-llama-cpp has loaded: the first one in `dirs` that
 * this system can load. Throws `native_addon_missing` where there is none, `native_addon_mismatch` where none can be used.
 */
export function loadNativeAddon(
  llama: Pick<Llama, 'gpu' | 'buildType'>,
  dirs: readonly string[] = addonsDirs(),
  installed = installedNodeLlamaCppVersion(),
): NativeAddon {
  const variant = variantOf(llama);
  const paths = pathsOf(variant, 'vserve-engine.node', dirs);
  if (paths.length === 0) throw notBuilt(variant);
  if (llama.buildType !== 'prebuilt') {
    throw new VserveError(
      'native_addon_mismatch',
      'node-llama-cpp uses a build of its own instead of its prebuilt binaries, to which the native engine is linked. Remove that build with: npx node-llama-cpp source clear',
    );
  }
  let failure: unknown;
  for (const path of paths) {
    try {
      return requireAddon(path, variant, installed);
    } catch (error) {
      failure ??= error;
    }
  }
  throw failure;
}

function requireAddon(path: string, variant: string, installed: string): NativeAddon {
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
  if (addon.nodeLlamaCppVersion === installed) return addon;
  throw new VserveError(
    'native_addon_mismatch',
    `The native engine was built for node-llama-cpp ${addon.nodeLlamaCppVersion}, but ${installed} is installed.\nBuild it again with: ${buildCommand}`,
  );
}
