import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ConverterSource } from '../../src/backend/index.ts';

/** The folder of vserve's package: above both `backends/…` and `dist/backends/…`. */
export const packageRoot = folderAbove(dirname(fileURLToPath(import.meta.url)));

function folderAbove(folder: string): string {
  return existsSync(join(folder, 'package.json')) ? folder : folderAbove(dirname(folder));
}

interface Manifest {
  readonly version: string;
  /** In packages of prebuilt addons. */
  readonly nodeLlamaCpp?: string;
}

function manifestIn(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
}

/** The folder of node-llama-cpp's package. */
export function nodeLlamaCppRoot(): string {
  return join(dirname(fileURLToPath(import.meta.resolve('node-llama-cpp'))), '..');
}

/** The version of node-llama-cpp, and with it of llama.cpp. */
export function installedNodeLlamaCppVersion(): string {
  return manifestIn(nodeLlamaCppRoot()).version;
}

/** The source of llama.cpp that node-llama-cpp brings, of the release that its binaries are built from. */
export function bundledSource(): ConverterSource {
  const folder = join(nodeLlamaCppRoot(), 'llama');
  const { tag } = JSON.parse(readFileSync(join(folder, 'llama.cpp.info.json'), 'utf8')) as { tag: string };
  return { release: tag, bundlePath: join(folder, 'gitRelease.bundle') };
}

/** A build of llama.cpp among node-llama-cpp's binaries. */
export interface Variant {
  /** As node-llama-cpp names its folder of binaries: `linux-x64`, `linux-x64-cuda`, … */
  readonly name: string;
  /** Where the variant's llama.cpp libraries are. */
  readonly libraryDir: string;
}

const platforms: Partial<Record<NodeJS.Platform, string>> = { linux: 'linux', darwin: 'mac', win32: 'win' };
/** How the names of this machine's variants begin. */
export const variantPrefix = `${platforms[process.platform] ?? process.platform}-${process.arch}`;

/** The variants that are installed for this platform and processor, sorted by name. */
export function installedVariants(): Variant[] {
  const scopeDir = join(nodeLlamaCppRoot(), '..', '@node-llama-cpp');
  const variants: Variant[] = [];
  for (const packageName of existsSync(scopeDir) ? readdirSync(scopeDir) : []) {
    const binsDir = join(scopeDir, packageName, 'bins');
    for (const name of existsSync(binsDir) ? readdirSync(binsDir) : []) {
      const libraryDir = join(binsDir, name);
      const isOurs = name === variantPrefix || name.startsWith(`${variantPrefix}-`);
      if (isOurs && existsSync(join(libraryDir, 'llama-addon.node'))) variants.push({ name, libraryDir });
    }
  }
  return variants.toSorted((a, b) => a.name.localeCompare(b.name));
}

/** The variant that computes on the CPU alone. On Apple silicon there is one variant for everything. */
export const cpuVariant = variantPrefix === 'mac-arm64' ? 'mac-arm64-metal' : variantPrefix;

/** The program that tries a model before the addon loads it. */
export const dryRunName = process.platform === 'win32' ? 'vserve-dry-run.exe' : 'vserve-dry-run';

/** What is built for a variant: the addon and, for the CPU's, the program that tries models. */
export function productsOf(variant: string): string[] {
  return ['vserve-engine.node', ...(/-(cuda|vulkan)$/.test(variant) ? [] : [dryRunName])];
}

/** The package that has the addons for this machine ready. */
export const platformPackage = `@vserve/${process.platform}-${process.arch}`;

/**
 * Where addons can be, a folder for each variant in it, the best first: in the platform package, if it was made for this
 * version of vserve and of node-llama-cpp, and where scripts/build-native.ts puts what it builds.
 */
export function addonsDirs(root = packageRoot, nodeLlamaCpp = installedNodeLlamaCppVersion()): string[] {
  const built = join(root, 'backends', 'node-llama-cpp', 'native', 'build');
  const prebuilt = platformPackageDir(root);
  if (prebuilt === undefined) return [built];
  const made = manifestIn(prebuilt);
  const fits = made.version === manifestIn(root).version && made.nodeLlamaCpp === nodeLlamaCpp;
  return fits ? [prebuilt, built] : [built];
}

/** `require.resolve` would ask for an entry point. */
function platformPackageDir(root: string): string | undefined {
  const folders = createRequire(join(root, 'package.json')).resolve.paths(platformPackage) ?? [];
  return folders.map((folder) => join(folder, platformPackage)).find((dir) => existsSync(join(dir, 'package.json')));
}
