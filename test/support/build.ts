import { execFileSync, spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { TestProject } from 'vitest/node';

/**
 * Builds vserve before the tests: some run it as a process of its own, and all its threads are the built ones. The native
 * engine is only checked, as it takes a while: with an older one, tests would fail that have nothing to do with it.
 */
export default function setup(project: TestProject): void {
  build();
  project.onTestsRerun(build);
}

function build(): void {
  const compiler = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');
  execFileSync(process.execPath, [compiler, '-p', 'tsconfig.json'], { stdio: 'inherit' });
  execFileSync(process.execPath, ['dist/scripts/build-playground.js', '--if-changed'], { stdio: 'inherit' });
  execFileSync(process.execPath, ['dist/scripts/bundle.js'], { stdio: 'inherit' });
  const { status } = spawnSync(process.execPath, ['dist/scripts/build-native.js', '--check'], { stdio: 'inherit' });
  if (status !== 0) throw new Error('The native engine must be built before the tests.');
}
