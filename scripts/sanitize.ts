/**
 * Runs the engine's C++ code under a sanitizer: builds the addon with it, runs scripts/storm.ts on it, and rebuilds the
 * normal addon. Linux with GCC or Clang.
 *
 *     node dist/scripts/sanitize.js address|thread [--requests 2000] [--seed 1] [--families …] [--round …]
 *
 * Covered is what the addon compiles: the engine, mtmd, and the parts of llama.cpp's `common` inside it. node and
 * node-llama-cpp's libraries are not instrumented. The address sanitizer still checks all memory that they allocate
 * where our code reads or writes it; the thread sanitizer sees locks, atomics and accesses of our code only.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { scriptArguments, usageError } from './arguments.ts';

const here = dirname(fileURLToPath(import.meta.url));
const { values, positionals } = scriptArguments({
  options: {
    requests: { type: 'string' },
    seed: { type: 'string' },
    families: { type: 'string' },
    round: { type: 'string' },
  },
  allowPositionals: true,
});
const stormArguments = Object.entries(values).map(([name, value]) => `--${name}=${value}`);
const [kind, ...others] = positionals;
const libraries: Readonly<Record<string, string>> = { address: 'libasan.so', thread: 'libtsan.so' };
const library = libraries[kind ?? ''];
if (kind === undefined || library === undefined || others.length > 0) usageError('Which sanitizer, address or thread?');

// The encoder's matrix products run on ggml's threads, between ggml barriers that the sanitizer cannot see.
const folder = mkdtempSync(join(tmpdir(), 'vserve-sanitize-'));
const suppressions = join(folder, 'suppressions');
writeFileSync(suppressions, 'race:EncoderMatmul::compute\n');

const buildScript = join(here, 'build-native.js');
const compiler = process.env['CXX'] ?? 'c++';
const preload = execFileSync(compiler, [`-print-file-name=${library}`], { encoding: 'utf8' }).trim();
execFileSync(process.execPath, [buildScript, '--sanitize', kind], { stdio: 'inherit' });
try {
  const { status } = spawnSync(process.execPath, ['--expose-gc', join(here, 'storm.js'), ...stormArguments], {
    stdio: 'inherit',
    env: {
      ...process.env,
      LD_PRELOAD: preload,
      // Node itself and libraries built without the sanitizer keep memory until exit.
      ASAN_OPTIONS: 'detect_leaks=0:halt_on_error=1',
      // ggml's barriers are spin locks that the sanitizer cannot see: only accesses of our engine count.
      TSAN_OPTIONS: `halt_on_error=0:exitcode=66:ignore_noninstrumented_modules=1:suppressions=${suppressions}`,
    },
  });
  process.exitCode = status ?? 1;
} finally {
  rmSync(folder, { recursive: true });
  execFileSync(process.execPath, [buildScript], { stdio: 'inherit' });
}
