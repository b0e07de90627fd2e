import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { makeFolder } from '../../src/store/disk/folders.ts';

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'vserve-make-folder-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}

test('makes the folders above it too, and takes one that is there', async () => {
  const folder = join(await temporaryFolder(), 'a', 'b', 'c');
  await Promise.all([makeFolder(folder), makeFolder(folder)]);
  await makeFolder(folder);
  expect((await stat(folder)).isDirectory()).toBe(true);
});

test('a file in the way is an error', async () => {
  const file = join(await temporaryFolder(), 'file');
  await writeFile(file, '');
  await expect(makeFolder(join(file, 'below'))).rejects.toMatchObject({ code: 'ENOTDIR' });
});

test.runIf(process.platform === 'linux')('a file system that takes no folders is an error, not a loop', async () => {
  await expect(makeFolder('/proc/vserve/below')).rejects.toMatchObject({ code: 'ENOENT' });
});
