import { readdir } from 'node:fs/promises';

/** The names in a folder, sorted; none where it does not exist or cannot be read. */
export async function namesIn(folder: string): Promise<string[]> {
  const names: string[] = await readdir(folder).catch(() => []);
  return names.sort();
}
