import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import {
  collectGarbage,
  convertInto,
  findStored,
  listModels,
  prepareModel,
  verifyModels,
} from '../../src/store/index.ts';
import { checkpoint, fakeBackend, fakeConverter, preparation, temporaryFolder } from './store-folder.ts';

let folder: string;
let home: string;
beforeEach(async () => {
  folder = await temporaryFolder();
  home = join(folder, 'home');
  await writeFile(home, 'precious');
});

const work: readonly [string, () => Promise<unknown>][] = [
  ['list', () => listModels(home)],
  ['rm', () => findStored(home, 'org/name')],
  ['gc', () => collectGarbage({ home, converterVersions: [], isDryRun: false })],
  [
    'verify',
    () =>
      verifyModels({
        ...preparation(home, ''),
        paths: undefined,
        loadBackend: async () => fakeBackend(),
        loadConverter: async () => fakeConverter(),
        fetchAgain: async () => undefined,
        onFile: () => undefined,
      }),
  ],
  [
    'serve',
    async () =>
      prepareModel(preparation(home, await checkpoint(folder), { loadConverter: async () => fakeConverter() })),
  ],
];
test.each(work)('%s says that it cannot be used, and which setting to change', async (_, run) => {
  await expect(run()).rejects.toMatchObject({
    code: 'invalid_setting',
    message: expect.stringMatching(
      /^The folder .*home.* cannot be (?:read|written): not a directory \(ENOTDIR\)\nSet VSERVE_HOME to a folder/,
    ),
  });
  expect(await readFile(home, 'utf8')).toBe('precious');
});

test('a conversion into a folder below a file says so, and leaves nothing', async () => {
  const { log, onProgress, signal } = preparation(home, '');
  const options = {
    sourceDir: await checkpoint(folder),
    destinationDir: join(home, 'out'),
    converter: fakeConverter(),
    backend: { load: async () => fakeBackend(), devices: 'auto' },
    precision: 'auto',
    mmprojOuttype: 'auto',
  } as const;
  await expect(convertInto({ ...options, log, onProgress, signal })).rejects.toMatchObject({
    code: 'invalid_setting',
    message: expect.stringMatching(/home.out is a file, or below one\. Give an empty folder/),
  });
  expect((await readdir(folder)).toSorted()).toEqual(['home', 'tiny']);
});
