/**
 * Builds the native engine of the node-llama-cpp backend: `npm run build:native`, and the package's install script.
 * Nothing is downloaded: the llama.cpp source comes from node-llama-cpp's package, the headers from node-addon-api and
 * node-api-headers. Does nothing when the engine is up to date; `--force` builds it from scratch, `--check` only says
 * whether it is. `--sanitize address` (or `thread`) builds it for scripts/sanitize.ts.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  accessSync,
  constants,
  copyFileSync,
  createWriteStream,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ora from 'ora';
import { messageOf } from '../src/errors/index.ts';
import { scriptArguments } from './arguments.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const nativeDir = join(root, 'backends', 'node-llama-cpp', 'native');
const buildDir = join(nativeDir, 'build');
const cloneDir = join(buildDir, 'llama.cpp');
const logPath = join(buildDir, 'build.log');
const fingerprintPath = join(buildDir, 'fingerprint');
/** `sanitize` is a sanitizer of the compiler (`address`, `thread`); empty builds for use. */
const { check, force, sanitize } = scriptArguments({
  options: {
    check: { type: 'boolean', default: false },
    force: { type: 'boolean', default: false },
    sanitize: { type: 'string', default: '' },
  },
}).values;
const cmakeDir = join(buildDir, sanitize === '' ? 'cmake' : `cmake-${sanitize}`);

/** The folders of llama.cpp that the addon compiles or includes. */
const sourceFolders = ['common', 'ggml/include', 'include', 'src', 'tools/mtmd', 'vendor'];

/** What to install where something is missing. README.md has the same list. */
const prerequisites: Partial<Record<NodeJS.Platform, string>> = {
  linux: 'Debian and Ubuntu: sudo apt-get install cmake g++ git',
  darwin: 'macOS: xcode-select --install && brew install cmake',
};

class BuildFailure extends Error {}

interface Variant {
  /** As node-llama-cpp names its folder of binaries: `linux-x64`, `linux-x64-cuda`, … */
  readonly name: string;
  /** Where the variant's llama.cpp libraries are. */
  readonly libraryDir: string;
}

function packageDir(name: string): string {
  const require = createRequire(import.meta.url);
  for (const searchDir of require.resolve.paths(name) ?? []) {
    if (existsSync(join(searchDir, name, 'package.json'))) return join(searchDir, name);
  }
  throw new BuildFailure(`The package ${name} is not installed. Run: npm install`);
}

function versionOf(dir: string): string {
  return (JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8')) as { version: string }).version;
}

/** The binaries of node-llama-cpp that are installed for this platform and processor. */
function installedVariants(): Variant[] {
  const platform = { linux: 'linux', darwin: 'mac' }[process.platform as 'linux' | 'darwin'];
  const prefix = `${platform}-${process.arch}`;
  const scopeDir = join(dirname(packageDir('node-llama-cpp')), '@node-llama-cpp');
  const variants: Variant[] = [];
  for (const packageName of existsSync(scopeDir) ? readdirSync(scopeDir) : []) {
    const binsDir = join(scopeDir, packageName, 'bins');
    for (const name of existsSync(binsDir) ? readdirSync(binsDir) : []) {
      const libraryDir = join(binsDir, name);
      if (name.startsWith(prefix) && existsSync(join(libraryDir, 'llama-addon.node'))) {
        variants.push({ name, libraryDir });
      }
    }
  }
  if (variants.length === 0) {
    throw new BuildFailure(
      `node-llama-cpp's binaries for ${prefix} are not installed. They are optional dependencies: run npm install with --include=optional.`,
    );
  }
  return variants.toSorted((a, b) => a.name.localeCompare(b.name));
}

/** Changes whenever an input of the build changes. */
function fingerprint(variants: readonly Variant[]): string {
  const hash = createHash('sha256');
  for (const name of ['node-llama-cpp', 'node-addon-api', 'node-api-headers']) {
    hash.update(`${name} ${versionOf(packageDir(name))}\n`);
  }
  hash.update(`${process.platform} ${process.arch} ${root} ${sanitize}\n`);
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

/** What is built for a variant: the addon and, for the CPU, the program that tries a model before the addon loads it. */
function productsOf({ name }: Variant): string[] {
  return ['vserve-engine.node', ...(/-(cuda|vulkan)$/.test(name) ? [] : ['vserve-dry-run'])].map((file) =>
    join(name, file),
  );
}

function isBuilt(variants: readonly Variant[], wanted: string): boolean {
  const built = existsSync(fingerprintPath) ? readFileSync(fingerprintPath, 'utf8') : '';
  return built === wanted && variants.flatMap(productsOf).every((product) => existsSync(join(buildDir, product)));
}

function runs(command: string): boolean {
  return spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0;
}

function checkPrerequisites(): void {
  const missing = ['git', 'cmake'].filter((command) => !runs(command));
  const compilers = [process.env['CXX'], 'c++', 'g++', 'clang++'].filter((name) => name !== undefined);
  if (!compilers.some(runs)) missing.push('a C++17 compiler');
  if (missing.length > 0) throw new BuildFailure(missingMessage(missing.join(' and ')));
}

function missingMessage(what: string): string {
  const hint = prerequisites[process.platform] ?? 'Install git, CMake (3.19 or newer) and a C++17 compiler.';
  return `To build the native engine, ${what} must be installed first.\n${hint}\nThen run the same command again.`;
}

/** Runs a command and appends its output to the build log. */
async function run(command: string, args: readonly string[]): Promise<void> {
  const log = createWriteStream(logPath, { flags: 'a' });
  log.write(`\n$ ${command} ${args.join(' ')}\n`);
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.pipe(log, { end: false });
  child.stderr.pipe(log, { end: false });
  const status = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  await new Promise<void>((resolve) => {
    log.end(resolve);
  });
  if (status !== 0) {
    const output = readFileSync(logPath, 'utf8');
    if (
      /No CMAKE_CX*_COMPILER could be found|could not find any instance of Visual Studio|not able to compile a simple test/.test(
        output,
      )
    ) {
      throw new BuildFailure(missingMessage('a C++17 compiler that works'));
    }
    if (/CMake [\d.]+ or higher is required/.test(output)) {
      throw new BuildFailure(missingMessage('CMake 3.19 or newer'));
    }
    const errors = output.split('\n').filter((line) => /\berror\b|CMake Error/i.test(line));
    throw new BuildFailure(
      `The native engine could not be built: ${command} ended with status ${String(status)}.\n${errors.slice(0, 5).join('\n')}\nFull log: ${logPath}`,
    );
  }
}

/** Unpacks the llama.cpp source and applies our patches, unless the last build left exactly that. */
async function prepareSource(): Promise<void> {
  const patchesDir = join(nativeDir, 'patches');
  // Their numbers are the order in which they apply.
  const patches = readdirSync(patchesDir)
    .filter((name) => name.endsWith('.patch'))
    .toSorted();
  const nodeLlamaCpp = packageDir('node-llama-cpp');
  const hash = createHash('sha256').update(versionOf(nodeLlamaCpp));
  for (const patch of patches) hash.update(readFileSync(join(patchesDir, patch)));
  const wanted = hash.digest('hex');
  const markPath = join(cloneDir, '.vserve-source');
  if (existsSync(markPath) && readFileSync(markPath, 'utf8') === wanted) return;

  rmSync(cloneDir, { recursive: true, force: true });
  const bundle = join(nodeLlamaCpp, 'llama', 'gitRelease.bundle');
  await run('git', ['clone', '--quiet', '--no-checkout', bundle, cloneDir]);
  await run('git', ['-C', cloneDir, 'checkout', 'HEAD', '--', ...sourceFolders]);
  for (const patch of patches) await run('git', ['-C', cloneDir, 'apply', join(patchesDir, patch)]);
  writeFileSync(markPath, wanted);
}

/** CMake refuses to build in a folder that has moved. */
function dropMovedBuild(): void {
  const cachePath = join(cmakeDir, 'CMakeCache.txt');
  if (
    existsSync(cachePath) &&
    !readFileSync(cachePath, 'utf8').includes(`CMAKE_HOME_DIRECTORY:INTERNAL=${nativeDir}\n`)
  ) {
    rmSync(cmakeDir, { recursive: true });
  }
}

async function build(variants: readonly Variant[]): Promise<void> {
  dropMovedBuild();
  const nodeLlamaCpp = packageDir('node-llama-cpp');
  const generator = runs('ninja') ? ['-G', 'Ninja'] : [];
  await run('cmake', [
    '-S',
    nativeDir,
    '-B',
    cmakeDir,
    ...generator,
    '-DCMAKE_BUILD_TYPE=Release',
    `-DADDON_OUTPUT_DIR=${join(cmakeDir, 'addons')}`,
    `-DSANITIZE=${sanitize}`,
    `-DLLAMA_CPP=${cloneDir}`,
    `-DNODE_LLAMA_CPP=${nodeLlamaCpp}`,
    `-DNODE_LLAMA_CPP_VERSION=${versionOf(nodeLlamaCpp)}`,
    `-DNODE_ADDON_API_INCLUDE=${packageDir('node-addon-api')}`,
    `-DNODE_API_HEADERS=${packageDir('node-api-headers')}`,
    `-DVARIANTS=${variants.map(({ name, libraryDir }) => `${name}=${libraryDir}`).join(';')}`,
  ]);
  const jobs = String(availableParallelism());
  await run('cmake', ['--build', cmakeDir, '--config', 'Release', '--parallel', jobs]);
  for (const product of variants.flatMap(productsOf)) {
    mkdirSync(dirname(join(buildDir, product)), { recursive: true });
    // Replaced, not overwritten: a running server has the old file mapped.
    rmSync(join(buildDir, product), { force: true });
    copyFileSync(join(cmakeDir, 'addons', product), join(buildDir, product));
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

async function main(): Promise<void> {
  if (process.platform === 'win32') {
    throw new BuildFailure(
      "Windows is not supported yet: node-llama-cpp's packages for it have no import libraries to link the engine against. Use WSL 2.",
    );
  }
  const variants = installedVariants();
  const wanted = fingerprint(variants);
  if (!force && isBuilt(variants, wanted)) return;
  if (check) throw new BuildFailure('The native engine is not built from the sources as they are. Run: npm run build');

  checkPrerequisites();
  makeBuildDir();
  if (force) rmSync(cmakeDir, { recursive: true, force: true });
  rmSync(fingerprintPath, { force: true });
  writeFileSync(logPath, '');
  const names = variants.map(({ name }) => name).join(', ');
  const spinner = ora(`Building the native engine for ${names} (a few minutes, once)`).start();
  try {
    await prepareSource();
    await build(variants);
  } catch (error) {
    spinner.fail('The native engine was not built');
    throw error;
  }
  writeFileSync(fingerprintPath, wanted);
  spinner.succeed(`Built the native engine for ${names}`);
}

try {
  await main();
} catch (error) {
  if (!(error instanceof BuildFailure)) throw error;
  console.error(`\n${error.message}\n`);
  process.exitCode = 1;
}
