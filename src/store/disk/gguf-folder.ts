import { open, readdir, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { fileFault, VserveError } from '../../errors/index.ts';
import { isGguf } from '../../gguf-choice/index.ts';
import type { GgufFile } from '../../gguf-choice/index.ts';

/** The GGUF files of a folder and of folders in it, by their paths from there. */
export async function listGgufs(root: string, entersFolder: (name: string) => boolean): Promise<GgufFile[]> {
  const folders = await readdir(root, { withFileTypes: true });
  const inner = folders
    .filter((entry) => entry.isDirectory() && entersFolder(entry.name))
    .map((entry) => join(root, entry.name));
  const names = await Promise.all(
    [root, ...inner].map(async (folder) => {
      const names = await readdir(folder).catch(() => []);
      return names.filter(isGguf).map((name) => join(folder, name));
    }),
  );
  const files = names.flat().map(async (path) => {
    const found = await stat(path).catch(() => undefined);
    return found?.isFile() === true ? { path: toSlashes(relative(root, path)), bytes: found.size } : undefined;
  });
  const found = (await Promise.all(files)).filter((file) => file !== undefined);
  return found.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Reads the first bytes of files by their paths from a folder. */
export function readStartIn(root: string): (file: GgufFile, maxBytes: number) => Promise<Uint8Array> {
  return ({ path }, maxBytes) => readStart(join(root, path), maxBytes);
}

/** The first bytes of a file: at most so many. Throws `model_unavailable`. */
export async function readStart(path: string, maxBytes: number): Promise<Uint8Array> {
  try {
    await using file = await open(path, 'r');
    const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(maxBytes) });
    return buffer.subarray(0, bytesRead);
  } catch (cause) {
    throw new VserveError('model_unavailable', `The file ${path} cannot be read: ${fileFault(cause)}`, { cause });
  }
}

/** A relative path, slash-separated on every platform. */
export function toSlashes(path: string): string {
  return path.replaceAll(sep, '/');
}
