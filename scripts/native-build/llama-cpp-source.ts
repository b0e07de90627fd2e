import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BuildFailure } from './build-failure.ts';
import { buildDir, nativeDir, packageDir, packedSourceDir, sourceVersionFile, versionOf } from './folders.ts';
import { runLogged, runs } from './run-logged.ts';

/** What of llama.cpp the addon compiles or includes. */
const sourcePaths = [
  'LICENSE',
  'common',
  'ggml/include',
  'ggml/src/ggml-backend-impl.h',
  'include',
  'src',
  'tools/mtmd',
  'vendor',
];
const cloneDir = join(buildDir, 'llama.cpp');

/**
 * The folder of llama.cpp's source with our patches: in a published package, the one it brings; in a checkout, what git
 * takes out of node-llama-cpp's package, unless the last build left exactly that. Throws `BuildFailure`.
 */
export async function prepareSource(): Promise<string> {
  if (!existsSync(join(nativeDir, 'patches'))) return packedSource();
  const wanted = sourceHash();
  const markPath = join(cloneDir, '.vserve-source');
  if (existsSync(markPath) && readFileSync(markPath, 'utf8') === wanted) return cloneDir;
  if (!runs('git')) {
    throw new BuildFailure(
      'In a checkout, building takes git, which is not installed.\nInstall it and run the same command again.',
    );
  }
  rmSync(cloneDir, { recursive: true, force: true });
  const bundle = join(packageDir('node-llama-cpp'), 'llama', 'gitRelease.bundle');
  // The patches fit lines as they are in the bundle, not as git would end them on Windows.
  await runLogged('git', ['clone', '--quiet', '--no-checkout', '--config', 'core.autocrlf=false', bundle, cloneDir]);
  await runLogged('git', ['-C', cloneDir, 'checkout', 'HEAD', '--', ...sourcePaths]);
  for (const patch of patchPaths()) await runLogged('git', ['-C', cloneDir, 'apply', patch]);
  writeFileSync(markPath, wanted);
  return cloneDir;
}

function packedSource(): string {
  const source = readFileSync(join(packedSourceDir, sourceVersionFile), 'utf8').trim();
  const installed = versionOf(packageDir('node-llama-cpp'));
  if (source === installed) return packedSourceDir;
  throw new BuildFailure(
    `This version of vserve needs node-llama-cpp ${source}, and ${installed} is installed.\nInstall vserve again.`,
  );
}

/** Their numbers are the order in which they apply. */
function patchPaths(): string[] {
  const folder = join(nativeDir, 'patches');
  const names = readdirSync(folder).filter((name) => name.endsWith('.patch'));
  return names.toSorted().map((name) => join(folder, name));
}

function sourceHash(): string {
  const hash = createHash('sha256')
    .update(versionOf(packageDir('node-llama-cpp')))
    .update(sourcePaths.join(' '));
  for (const patch of patchPaths()) hash.update(readFileSync(patch));
  return hash.digest('hex');
}
