import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { BuildFailure } from './build-failure.ts';
import { nativeDir, toolsDir } from './folders.ts';
import { missing } from './prerequisites.ts';
import { runLogged, runs } from './run-logged.ts';

export interface BuildTools {
  /** The program: a name on PATH, or a path. */
  readonly cmake: string;
  /** Arguments for CMake that choose what runs the compiler. */
  readonly generator: readonly string[];
}

/** The oldest release of CMake that reads our CMakeLists.txt. */
const oldestCmake = [3, 19] as const;

/**
 * Finds a compiler, CMake and what CMake drives. Of these only the compiler must be installed: the others come from npm
 * where they are missing or too old. Throws `BuildFailure`.
 */
export async function findTools(): Promise<BuildTools> {
  if (process.platform === 'win32') return findToolsOnWindows();
  const compilers = [process.env['CXX'], 'c++', 'g++', 'clang++'].filter((name) => name !== undefined);
  if (!compilers.some(runs)) throw missing('a C++17 compiler');
  const ninja = runs('ninja') ? ['-G', 'Ninja'] : runs('make') ? ['-G', 'Unix Makefiles'] : undefined;
  const isCmakeThere = hasCmake();
  if (isCmakeThere && ninja !== undefined) return { cmake: 'cmake', generator: ninja };
  await installTools();
  return {
    cmake: isCmakeThere ? 'cmake' : toolPath('cmake'),
    generator: ninja ?? ['-G', 'Ninja', `-DCMAKE_MAKE_PROGRAM=${toolPath('ninja')}`],
  };
}

/** CMake finds Visual Studio's compiler, which is not on PATH, and what drives it. */
async function findToolsOnWindows(): Promise<BuildTools> {
  const generator = ['-G', 'Visual Studio 17 2022', '-A', process.arch];
  if (hasCmake()) return { cmake: 'cmake', generator };
  await installTools();
  return { cmake: toolPath('cmake'), generator };
}

function hasCmake(): boolean {
  const { stdout, status } = spawnSync('cmake', ['--version'], { encoding: 'utf8' });
  const [, major, minor] = /version (\d+)\.(\d+)/.exec(stdout ?? '') ?? [];
  if (status !== 0 || major === undefined) return false;
  const [oldestMajor, oldestMinor] = oldestCmake;
  return Number(major) > oldestMajor || (Number(major) === oldestMajor && Number(minor) >= oldestMinor);
}

/** Installs CMake and Ninja from npm, in the exact versions that native/build-tools names. */
async function installTools(): Promise<void> {
  if (existsSync(join(toolsDir, 'node_modules', '.package-lock.json'))) return;
  mkdirSync(toolsDir, { recursive: true });
  for (const name of ['package.json', 'package-lock.json']) {
    copyFileSync(join(nativeDir, 'build-tools', name), join(toolsDir, name));
  }
  try {
    await runLogged('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--include=optional'], toolsDir);
  } catch (error) {
    if (!(error instanceof BuildFailure)) throw error;
    throw new BuildFailure(
      `CMake and Ninja are not installed, and npm could not fetch them.\n${error.message}\nInstall them (Debian and Ubuntu: sudo apt-get install cmake ninja-build), or check the network. Then run the same command again.`,
    );
  }
}

/** The program in the package that npm chose for this machine. */
function toolPath(tool: 'cmake' | 'ninja'): string {
  const find = createRequire(join(toolsDir, 'package.json'))(`${tool}-runtime`) as (name: string) => string;
  const path = find(tool);
  chmodSync(path, 0o755);
  return path;
}
