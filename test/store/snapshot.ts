import { createHash } from 'node:crypto';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';

/** The hash that git gives a file, by which the Hub names small ones. */
export function gitHash(content: string): string {
  return createHash('sha1').update(`blob ${content.length}\0${content}`).digest('hex');
}

export function sha256(content: string): string {
  return createHash('sha256').update(content).digest('hex');
}

/** Writes a repository as a download leaves it in the store: `.safetensors` by SHA-256, the rest by git's hash. */
export async function download(
  home: string,
  repository: string,
  commit: string,
  files: Readonly<Record<string, string>>,
): Promise<string> {
  const folder = join(home, 'hub', `models--${repository.replace('/', '--')}`);
  const snapshot = join(folder, 'snapshots', commit);
  await mkdir(join(folder, 'blobs'), { recursive: true });
  await mkdir(join(folder, 'refs'), { recursive: true });
  await writeFile(join(folder, 'refs', 'main'), commit);
  for (const [name, content] of Object.entries(files)) {
    const blob = join(folder, 'blobs', name.endsWith('.safetensors') ? sha256(content) : gitHash(content));
    await writeFile(blob, content);
    await mkdir(dirname(join(snapshot, name)), { recursive: true });
    await symlink(relative(dirname(join(snapshot, name)), blob), join(snapshot, name));
  }
  return snapshot;
}
