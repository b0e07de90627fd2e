import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, realpath, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { platformPackage } from '../../backends/node-llama-cpp/installation.ts';

const run = promisify(execFile);
const repository = join(import.meta.dirname, '../..');
export const compiler = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');

export interface InstalledPackage {
  /** A project of its own with the package in its node_modules. */
  readonly projectDir: string;
  /** Where the package was installed. */
  readonly packageDir: string;
  /** Every file of the tarball, relative to `packageDir`. */
  readonly files: readonly string[];
  /** Adds the package of this platform, made of the engine that is built here, as npm would install it. */
  addPlatformPackage(): Promise<void>;
  removePlatformPackage(): Promise<void>;
  remove(): Promise<void>;
}

/**
 * Packs vserve and unpacks the tarball into an empty project as npm would, without its install script. It finds what
 * package.json calls its dependencies and nothing else; of node-llama-cpp's binaries, those for the CPU alone.
 */
export async function installPackage(): Promise<InstalledPackage> {
  const projectDir = await realpath(await mkdtemp(join(tmpdir(), 'vserve-package-')));
  const modules = join(projectDir, 'node_modules');
  const packageDir = join(modules, 'vserve');
  await mkdir(packageDir, { recursive: true });
  await run(process.execPath, [compiler, '-p', join(repository, 'src', 'backend')]);
  await run(process.execPath, [join(repository, 'dist/scripts/pack-source.js')]);
  // The scripts would build anew what other tests are running.
  const pack = ['pack', '--ignore-scripts', '--json', '--pack-destination', projectDir];
  await run('npm', pack, { cwd: repository, maxBuffer: 2 ** 24, shell: process.platform === 'win32' });
  const tarball = (await readdir(projectDir)).find((name) => name.endsWith('.tgz')) ?? '';
  await run('tar', ['-xf', join(projectDir, tarball), '-C', packageDir, '--strip-components', '1']);
  await linkDependencies(packageDir, modules);
  const entries = await readdir(packageDir, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(packageDir.length + 1));
  return {
    projectDir,
    packageDir,
    files,
    addPlatformPackage: () => addPlatformPackage(projectDir, modules),
    removePlatformPackage: () => rm(join(modules, '@vserve'), { recursive: true }),
    remove: () => rm(projectDir, { recursive: true, force: true }),
  };
}

async function addPlatformPackage(projectDir: string, modules: string): Promise<void> {
  const out = join(projectDir, 'packages');
  await run(process.execPath, [join(repository, 'dist/scripts/package-native.js'), '--out', out]);
  const tarball = (await readdir(out)).find((name) => name.endsWith('.tgz')) ?? '';
  const folder = join(modules, platformPackage);
  await mkdir(folder, { recursive: true });
  await run('tar', ['-xf', join(out, tarball), '-C', folder, '--strip-components', '1']);
}

async function linkDependencies(packageDir: string, modules: string): Promise<void> {
  const { dependencies } = JSON.parse(await readFile(join(packageDir, 'package.json'), 'utf8')) as {
    readonly dependencies: Readonly<Record<string, string>>;
  };
  const binaries = (await readdir(join(repository, 'node_modules', '@node-llama-cpp')))
    .filter((name) => !/-(cuda|cuda-ext|vulkan)$/.test(name))
    .map((name) => `@node-llama-cpp/${name}`);
  for (const name of [...Object.keys(dependencies), ...binaries]) {
    await mkdir(dirname(join(modules, name)), { recursive: true });
    await symlink(join(repository, 'node_modules', name), join(modules, name), 'junction');
  }
}
