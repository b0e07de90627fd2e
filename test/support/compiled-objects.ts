import { execFile } from 'node:child_process';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { cmakeDir } from '../../scripts/native-build/folders.ts';

/** Every file that the compiler read for the engine of this checkout, headers of the system among them. */
export async function filesOfBuild(): Promise<string[]> {
  const lists = await dependencyLists();
  // A target or a heading ends in a colon, and what follows `#deps` counts. Blanks in names have a backslash before them.
  const names = lists.flatMap((list) => list.replaceAll(/^\S.*: #deps.*$|\\\n/gm, ' ').match(/(?:\\ |\S)+/g) ?? []);
  const paths = names
    .filter((name) => !name.endsWith(':'))
    .map((name) => resolve(cmakeDir, name.replaceAll('\\ ', ' ')));
  return [...new Set(paths)];
}

/** As the compiler wrote them, or as Ninja keeps them. */
async function dependencyLists(): Promise<string[]> {
  const cache = await readFile(join(cmakeDir, 'CMakeCache.txt'), 'utf8');
  const [, program = ''] = /^CMAKE_MAKE_PROGRAM:\w+=(.*)$/m.exec(cache) ?? [];
  if (cache.includes('CMAKE_GENERATOR:INTERNAL=Ninja\n')) {
    const { stdout } = await promisify(execFile)(program, ['-C', cmakeDir, '-t', 'deps'], { maxBuffer: 2 ** 27 });
    return [stdout];
  }
  const names = await readdir(cmakeDir, { recursive: true });
  return Promise.all(
    names.filter((name) => name.endsWith('.o.d')).map((name) => readFile(join(cmakeDir, name), 'utf8')),
  );
}

/**
 * Writes a compiler for an installed package, which takes what the checkout's build has compiled of the same source. It
 * compiles whatever else there is, and links. Returns its path.
 */
export async function writeObjectTaker(folder: string): Promise<string> {
  const path = join(folder, 'c++');
  const script = `#!/bin/sh
for argument; do
  if [ "$previous" = -o ]; then object=$argument; fi
  previous=$argument
done
known=$object
case $object in
  *.dir/*/dist/llama.cpp/*) known=\${object%%.dir/*}.dir/build/llama.cpp/\${object##*/dist/llama.cpp/} ;;
esac
case $object in
  *.o) if [ -f "${cmakeDir}/$known" ]; then exec cp "${cmakeDir}/$known" "$object"; fi ;;
esac
exec "${process.env['CXX'] ?? 'c++'}" "$@"
`;
  await writeFile(path, script, { mode: 0o755 });
  return path;
}
