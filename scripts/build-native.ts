/**
 * Builds the native engine of the node-llama-cpp backend: `npm run build:native`, and the first `vserve serve` where no
 * platform package has it. The llama.cpp source comes from node-llama-cpp's package (in a published package, from
 * vserve's own), the headers from node-addon-api and node-api-headers; CMake and Ninja come from npm if the machine has
 * none. Does nothing when the engine is up to date; `--force` builds it from scratch, `--check` only says whether it is,
 * `--quiet` shows no progress. `--sanitize address` (or `thread`) builds it for scripts/sanitize.ts.
 * It is for the processor of the Node that runs this: under an emulated Node, CC=aarch64-linux-gnu-gcc and
 * CXX=aarch64-linux-gnu-g++ compile it at this machine's speed.
 */
import { createHash } from 'node:crypto';
import {
  accessSync,
  constants,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join, sep } from 'node:path';
import ora from 'ora';
import lockfile from 'proper-lockfile';
import { installedVariants, packageRoot, productsOf, variantPrefix } from '../backends/node-llama-cpp/installation.ts';
import type { Variant } from '../backends/node-llama-cpp/installation.ts';
import { messageOf } from '../src/errors/index.ts';
import { scriptArguments } from './arguments.ts';
import { BuildFailure } from './native-build/build-failure.ts';
import { buildDir, cmakeDir, logPath, nativeDir, packageDir, versionOf } from './native-build/folders.ts';
import { writeImportDefinitions } from './native-build/import-definitions.ts';
import { prepareSource } from './native-build/llama-cpp-source.ts';
import { runLogged } from './native-build/run-logged.ts';
import { findTools } from './native-build/tools.ts';

const fingerprintPath = join(buildDir, 'fingerprint');
/** `sanitize` is a sanitizer of the compiler (`address`, `thread`); empty builds for use. */
const { check, force, quiet, sanitize } = scriptArguments({
  options: {
    check: { type: 'boolean', default: false },
    force: { type: 'boolean', default: false },
    quiet: { type: 'boolean', default: false },
    sanitize: { type: 'string', default: '' },
  },
}).values;
const outputDir = sanitize === '' ? cmakeDir : `${cmakeDir}-${sanitize}`;
/** What CMake takes from the environment once, and keeps. */
const compilers = [process.env['CC'] ?? '', process.env['CXX'] ?? ''].join(':').replaceAll(sep, '/');
/** For Windows. */
const definitionsDir = join(buildDir, 'definitions');

/** The variants to build for. */
function variantsHere(): Variant[] {
  packageDir('node-llama-cpp');
  const variants = installedVariants();
  if (variants.length > 0) return variants;
  throw new BuildFailure(
    `node-llama-cpp's binaries for ${variantPrefix} are not installed. They are optional dependencies: run npm install with --include=optional.`,
  );
}

/** Changes whenever an input of the build changes. */
function fingerprint(variants: readonly Variant[]): string {
  const hash = createHash('sha256');
  for (const name of ['node-llama-cpp', 'node-addon-api', 'node-api-headers']) {
    hash.update(`${name} ${versionOf(packageDir(name))}\n`);
  }
  hash.update(`${process.platform} ${process.arch} ${packageRoot} ${sanitize}\n`);
  hash.update(variants.map(({ name }) => name).join(' '));
  const sources = readdirSync(nativeDir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !path.startsWith(buildDir));
  for (const path of sources.toSorted()) {
    hash.update(path.slice(nativeDir.length)).update(readFileSync(path));
  }
  return hash.digest('hex');
}

function productPaths({ name }: Variant): string[] {
  return productsOf(name).map((file) => join(name, file));
}

function isBuilt(variants: readonly Variant[], wanted: string): boolean {
  const built = existsSync(fingerprintPath) ? readFileSync(fingerprintPath, 'utf8') : '';
  return built === wanted && variants.flatMap(productPaths).every((product) => existsSync(join(buildDir, product)));
}

/**
 * CMake refuses to build in a folder that has moved, and with another generator than before. For another processor, and
 * with other compilers, it would go on with those that it found first, and with what they have compiled.
 */
function dropOtherBuild(generator: readonly string[]): void {
  const cachePath = join(outputDir, 'CMakeCache.txt');
  if (!existsSync(cachePath)) return;
  const cache = readFileSync(cachePath, 'utf8');
  const settings = [
    `CMAKE_HOME_DIRECTORY:INTERNAL=${nativeDir.replaceAll(sep, '/')}`,
    `CMAKE_GENERATOR:INTERNAL=${generator[1] ?? ''}`,
    `NODE_ARCH:UNINITIALIZED=${process.arch}`,
    `COMPILERS:UNINITIALIZED=${compilers}`,
  ];
  if (!settings.every((line) => cache.includes(`${line}\n`))) rmSync(outputDir, { recursive: true });
}

async function build(variants: readonly Variant[]): Promise<void> {
  const { cmake, generator } = await findTools();
  const source = await prepareSource();
  dropOtherBuild(generator);
  if (process.platform === 'win32') writeImportDefinitions(variants, definitionsDir);
  const nodeLlamaCpp = packageDir('node-llama-cpp');
  const definitions = {
    CMAKE_BUILD_TYPE: 'Release',
    ADDON_OUTPUT_DIR: join(outputDir, 'addons'),
    SANITIZE: sanitize,
    LLAMA_CPP: source,
    IMPORT_DEFINITIONS: definitionsDir,
    NODE_ARCH: process.arch,
    COMPILERS: compilers,
    NODE_LLAMA_CPP: nodeLlamaCpp,
    NODE_LLAMA_CPP_VERSION: versionOf(nodeLlamaCpp),
    NODE_ADDON_API_INCLUDE: packageDir('node-addon-api'),
    NODE_API_HEADERS: packageDir('node-api-headers'),
    VARIANTS: variants.map(({ name, libraryDir }) => `${name}=${libraryDir}`).join(';'),
  };
  await runLogged(cmake, [
    '-S',
    nativeDir,
    '-B',
    outputDir,
    ...generator,
    // CMake writes paths with slashes on Windows, too.
    ...Object.entries(definitions).map(([name, value]) => `-D${name}=${value.replaceAll(sep, '/')}`),
  ]);
  const jobs = String(availableParallelism());
  await runLogged(cmake, ['--build', outputDir, '--config', 'Release', '--parallel', jobs]);
  for (const product of variants.flatMap(productPaths)) {
    mkdirSync(dirname(join(buildDir, product)), { recursive: true });
    // Replaced, not overwritten: a running server has the old file mapped.
    rmSync(join(buildDir, product), { force: true });
    copyFileSync(join(outputDir, 'addons', product), join(buildDir, product));
  }
}

function makeBuildDir(): void {
  try {
    mkdirSync(buildDir, { recursive: true });
    accessSync(buildDir, constants.W_OK);
  } catch (cause) {
    throw new BuildFailure(
      `The native engine cannot be built: ${messageOf(cause)}\nRun the same command as the user that installed vserve.`,
    );
  }
}

/** Builds while no other process does. */
async function buildAlone(variants: readonly Variant[], wanted: string): Promise<void> {
  makeBuildDir();
  const release = await lockfile.lock(buildDir, { stale: 60_000, retries: { forever: true, maxTimeout: 1000 } });
  try {
    if (!force && isBuilt(variants, wanted)) return;
    if (force) rmSync(outputDir, { recursive: true, force: true });
    rmSync(fingerprintPath, { force: true });
    writeFileSync(logPath, '');
    await buildShown(variants);
    writeFileSync(fingerprintPath, wanted);
  } finally {
    await release();
  }
}

async function buildShown(variants: readonly Variant[]): Promise<void> {
  const names = variants.map(({ name }) => name).join(', ');
  const text = `Building the native engine for ${names} (a few minutes, once)`;
  const spinner = ora({ text, isSilent: quiet }).start();
  try {
    await build(variants);
  } catch (error) {
    spinner.fail('The native engine was not built');
    throw error;
  }
  spinner.succeed(`Built the native engine for ${names}`);
}

async function main(): Promise<void> {
  const variants = variantsHere();
  const wanted = fingerprint(variants);
  if (!force && isBuilt(variants, wanted)) return;
  if (check) throw new BuildFailure('The native engine is not built from the sources as they are. Run: npm run build');
  await buildAlone(variants, wanted);
}

try {
  await main();
} catch (error) {
  if (!(error instanceof BuildFailure)) throw error;
  console.error(`\n${error.message}\n`);
  process.exitCode = 1;
}
