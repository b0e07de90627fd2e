import { copyFileSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { packageDir, sourceVersionFile, versionOf } from './folders.ts';

/** What CMakeLists.txt compiles, and every header that it may include. */
const packed = [
  /^LICENSE$/,
  /^(?:ggml\/)?include\/.*\.h$/,
  /^ggml\/src\/ggml-backend-impl\.h$/,
  /^common\/[^/]*\.h$/,
  /^common\/jinja\//,
  /^src\/(?:[^/]*\.h|(?:llama-vocab|llama-grammar|unicode|unicode-data)\.cpp)$/,
  /^tools\/mtmd\/(?:.*\.h|(?:clip|mtmd|mtmd-audio|mtmd-image)\.cpp)$/,
  /^tools\/mtmd\/models\//,
];

/** Copies those files of llama.cpp's source that a build takes: of some 15 MB, 2. */
export function copySource(source: string, destination: string): void {
  rmSync(destination, { recursive: true, force: true });
  for (const entry of readdirSync(source, { recursive: true, withFileTypes: true })) {
    const name = relative(source, join(entry.parentPath, entry.name)).replaceAll(sep, '/');
    if (!entry.isFile() || !packed.some((pattern) => pattern.test(name))) continue;
    const path = join(destination, name);
    mkdirSync(dirname(path), { recursive: true });
    copyFileSync(join(source, name), path);
  }
  writeFileSync(join(destination, sourceVersionFile), `${versionOf(packageDir('node-llama-cpp'))}\n`);
}
