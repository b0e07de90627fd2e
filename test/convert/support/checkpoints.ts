import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { convertCheckpoint } from '../../../src/convert/index.ts';
import type { ConvertedModel, ConvertOptions } from '../../../src/convert/index.ts';

/** The trained checkpoint of the repository, `shapes-vlm`. */
export const shapesVlm = fileURLToPath(new URL('../../models/shapes-vlm/', import.meta.url));

/** A folder that is removed when the test ends. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'vserve-convert-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A link to `shapes-vlm` under that name, which decides the model's own. */
export async function shapesVlmFolder(): Promise<string> {
  const folder = join(await temporaryFolder(), 'shapes-vlm');
  await symlink(shapesVlm, folder);
  return folder;
}

/** A copy of `shapes-vlm` that a test may spoil. */
export async function shapesVlmCopy(): Promise<string> {
  const folder = join(await temporaryFolder(), 'shapes-vlm');
  await cp(shapesVlm, folder, { recursive: true, filter: (path) => basename(path) !== 'README.md' });
  return folder;
}

/** Converts with settings that do not matter to a test filled in. */
export async function convert(
  sourceDir: string,
  options: Partial<ConvertOptions> = {},
): Promise<ConvertedModel & { destinationDir: string }> {
  const destinationDir = options.destinationDir ?? (await temporaryFolder());
  const { signal } = new AbortController();
  const converted = await convertCheckpoint({
    sourceDir,
    outtype: 'bf16',
    onProgress: () => undefined,
    signal,
    ...options,
    destinationDir,
  });
  return { ...converted, destinationDir };
}

/** Replaces a JSON file of a folder by what `change` makes of it. */
export async function changeJson(
  folder: string,
  file: string,
  change: (json: Record<string, unknown>) => unknown,
): Promise<void> {
  const path = join(folder, file);
  const json = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
  await writeFile(path, JSON.stringify(change(json)));
}
