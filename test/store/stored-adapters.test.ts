import { mkdir, readdir, realpath, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import {
  collectGarbage,
  findStored,
  listModels,
  prepareAdapter,
  prepareModel,
  removeModels,
  verifyModels,
} from '../../src/store/index.ts';
import { checkpoint, fakeBackend, fakeConverter, preparation, temporaryFolder } from './store-folder.ts';

const converter = fakeConverter({
  mergedAdapterFolder: 'vserve-adapter',
  checkpointFiles: () =>
    Promise.resolve(['config.json', 'model.safetensors', 'vserve-adapter/adapter_model.safetensors']),
  convertAdapter: ({ path }) => writeFile(path, 'GGUF and so on'),
});

const loadConverter = () => Promise.resolve(converter);

let home: string;
let base: string;
let adapter: string;
beforeEach(async () => {
  const folder = await temporaryFolder();
  home = join(folder, 'home');
  base = await checkpoint(folder, 'base');
  adapter = join(folder, 'captions');
  await mkdir(adapter);
  await writeFile(join(adapter, 'adapter_config.json'), JSON.stringify({ base_model_name_or_path: '../base' }));
  await writeFile(join(adapter, 'adapter_model.safetensors'), 'weights');
});

/** The file of the adapter, converted where it has to be. */
function convert(): Promise<string> {
  const { hub, log, signal } = preparation(home, adapter);
  return prepareAdapter({ adapter, checkpointDir: base, maxRank: undefined, loadConverter, home, hub, log, signal });
}

/** The adapter with its base model as one model. */
async function merge(): Promise<void> {
  const { release } = await prepareModel(preparation(home, adapter, { loadConverter }));
  await release();
}

function collect(isDryRun = false, converterVersions = ['1']) {
  return collectGarbage({ home, converterVersions, isDryRun });
}

function verify() {
  return verifyModels({
    home,
    paths: undefined,
    loadConverter: () => Promise.resolve(converter),
    loadBackend: () => Promise.resolve(fakeBackend()),
    fetchAgain: () => Promise.reject(new Error('The Hub does not answer.')),
    onFile: () => undefined,
    onProgress: () => undefined,
    log: () => undefined,
    signal: new AbortController().signal,
  });
}

test('list has a converted adapter, by the folder that it was made from', async () => {
  const path = await convert();
  const key = /[0-9a-f]{16}/.exec(basename(path))?.[0];
  expect(await listModels(home)).toMatchObject([
    { type: 'adapter', name: await realpath(adapter), id: key, path, bytes: 14, usedBy: [] },
  ]);
});

test('rm takes it, by its key or its folder, and it is converted again', async () => {
  const path = await convert();
  for (const target of [basename(path).slice(-21, -15), adapter, path]) {
    const found = await findStored(home, target);
    expect(found).toHaveLength(1);
    await removeModels(home, found, false);
    expect(await readdir(join(home, 'adapters'))).toEqual([]);
    expect(await convert()).toBe(path);
  }
});

test('gc leaves one that somebody may ask for, and takes it when its adapter or converter has changed', async () => {
  const path = await convert();
  expect(await collect()).toEqual([]);
  expect(await collect(true, ['2'])).toMatchObject([{ path, reason: 'made by version 1 of the converter' }]);
  await writeFile(join(adapter, 'adapter_model.safetensors'), 'other weights');
  const now = await convert();
  expect(await collect()).toMatchObject([
    { path, bytes: 14, reason: expect.stringMatching(/has changed or is gone$/) },
  ]);
  expect((await listModels(home)).map((model) => model.path)).toEqual([now]);
  expect(await collect()).toEqual([]);
});

test('gc takes an adapter without a manifest', async () => {
  const path = await convert();
  await rm(path.replace(/gguf$/, 'json'));
  expect(await collect()).toMatchObject([{ path, reason: 'has no readable manifest' }]);
  expect(await readdir(join(home, 'adapters'))).toEqual([]);
});

test('verify removes a damaged adapter, which is converted when it is used', async () => {
  const path = await convert();
  expect(await verify()).toEqual([{ result: 'ok', path, advice: '' }]);
  await writeFile(path, 'GGUF and 50 on');
  expect(await verify()).toMatchObject([{ result: 'removed', path }]);
  expect(await convert()).toBe(path);
  expect(await verify()).toMatchObject([{ result: 'ok' }]);
});

test('rm of a merged model takes the links to its parts; gc does when one of them is gone', async () => {
  await merge();
  expect(await readdir(join(home, 'adapted'))).toHaveLength(1);
  expect(await collect()).toEqual([]);
  await removeModels(home, await listModels(home), false);
  expect(await readdir(join(home, 'adapted'))).toEqual([]);
  await merge();
  await rm(adapter, { recursive: true });
  const [links] = await collect();
  expect(links).toMatchObject({ reason: 'links to an adapter or a base model that is gone' });
  expect(await readdir(join(home, 'adapted'))).toEqual([]);
});
