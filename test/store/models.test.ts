import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFile,
  link,
  mkdir,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import {
  collectGarbage,
  findStored,
  listModels,
  prepareModel,
  removeModels,
  verifyModels,
} from '../../src/store/index.ts';
import type { PrepareModelOptions } from '../../src/store/index.ts';
import { download, gitHash, sha256 } from './snapshot.ts';
import { checkpoint, fakeBackend, fakeConverter, preparation, temporaryFolder } from './store-folder.ts';
import type { FakeConverter } from './store-folder.ts';

const commit = '0123456789abcdef0123456789abcdef01234567';
const otherCommit = 'fedcba9876543210fedcba9876543210fedcba98';
const files = { 'config.json': '{}', 'model.safetensors': 'weights' };

let home: string;
let source: string;
let converter: FakeConverter;
beforeEach(async () => {
  const folder = await temporaryFolder();
  home = join(folder, 'home');
  source = await checkpoint(folder);
  converter = fakeConverter();
});

async function prepare(model: string, overrides: Partial<PrepareModelOptions> = {}) {
  return prepareModel(preparation(home, model, { loadConverter: async () => converter, ...overrides }));
}

/** As `prepare`, and no longer in use. */
async function convert(model: string, overrides: Partial<PrepareModelOptions> = {}): Promise<string> {
  const { modelPath, release } = await prepare(model, overrides);
  await release();
  return dirname(modelPath);
}

function verify(overrides: Partial<Parameters<typeof verifyModels>[0]> = {}) {
  return verifyModels({
    home,
    paths: undefined,
    loadConverter: async () => converter,
    loadBackend: async () => fakeBackend(),
    fetchAgain: () => Promise.reject(new Error('The Hub does not answer.')),
    onFile: () => undefined,
    onProgress: () => undefined,
    log: () => undefined,
    signal: new AbortController().signal,
    ...overrides,
  });
}

/** Keeps what the Hub would list for the weights of org/name. */
async function list(weights: string): Promise<void> {
  const folder = join(home, 'hub', 'models--org--name', 'listings');
  const hash = { algorithm: 'sha256', digest: sha256(weights) };
  await mkdir(folder, { recursive: true });
  await writeFile(
    join(folder, `${commit}.json`),
    JSON.stringify([{ path: 'model.safetensors', bytes: weights.length, hash }]),
  );
}

describe('list', () => {
  test('an empty store has no models', async () => {
    expect(await listModels(home)).toEqual([]);
  });

  test('tells downloads and what was made of them, and of folders', async () => {
    const snapshot = await download(home, 'org/name', commit, files);
    const small = await convert(snapshot, { precision: 'q4_0' });
    const own = await convert(source);
    expect(await listModels(home)).toMatchObject([
      { type: 'converted', name: source, precision: 'f16', path: own, bytes: 31 },
      { type: 'download', name: 'org/name', commit, id: `org/name@${commit}`, bytes: 9, path: snapshot, usedBy: [] },
      { type: 'converted', name: 'org/name', repository: 'org/name', commit, precision: 'q4_0', path: small },
    ]);
    expect(basename(small)).toMatch(/^org--name-q4_0-[0-9a-f]{16}$/);
  });
});

describe('a conversion of a snapshot', () => {
  test('is not made again when the files were fetched again, and is for another commit', async () => {
    const snapshot = await download(home, 'org/name', commit, files);
    const first = await convert(snapshot);
    for (const blob of await readdir(join(home, 'hub', 'models--org--name', 'blobs'))) {
      await utimes(join(home, 'hub', 'models--org--name', 'blobs', blob), new Date(), new Date('2001-01-01'));
    }
    expect(await convert(snapshot)).toBe(first);
    expect(await convert(await download(home, 'org/name', otherCommit, files))).not.toBe(first);
  });

  test('is not made again either where the files are no links, and were fetched again', async () => {
    const weights = Buffer.alloc(3 * 1024 * 1024, 7).toString();
    const snapshot = await download(home, 'org/name', commit, { 'config.json': '{}' });
    await list(weights);
    await writeFile(join(snapshot, 'model.safetensors'), weights);
    const first = await convert(snapshot);
    await utimes(join(snapshot, 'model.safetensors'), new Date(), new Date('2001-01-01'));
    expect(await convert(snapshot)).toBe(first);
    await list('other weights');
    expect(await convert(snapshot)).not.toBe(first);
  });

  test('is named by its repository, not by its commit', async () => {
    const names: (string | undefined)[] = [];
    const real = fakeConverter();
    converter = fakeConverter({
      convertCheckpoint: async (conversion) => {
        names.push(conversion.modelName);
        return real.convertCheckpoint(conversion);
      },
    });
    await convert(await download(home, 'org/name', commit, files));
    await convert(source);
    expect(names).toEqual(['name', undefined]);
  });
});

/** Removes what `target` names, and tells what is left. */
async function remove(target: string, force = false) {
  await removeModels(home, await findStored(home, target), force);
  return (await listModels(home)).map(({ id }) => id);
}

describe('rm', () => {
  test('by repository takes the downloads and what was made of them, and nothing else', async () => {
    const snapshot = await download(home, 'org/name', commit, files);
    await download(home, 'org/other', commit, files);
    await convert(snapshot);
    const kept = await convert(source);
    expect(await remove('org/name')).toEqual([kept.slice(-16), `org/other@${commit}`]);
    expect(await readdir(join(home, 'hub'))).toEqual(['models--org--other']);
    expect(await readdir(join(home, 'converting'))).toEqual([]);
  });

  test('by commit keeps the blobs that another commit uses', async () => {
    await download(home, 'org/name', otherCommit, { ...files, 'config.json': '{"old":true}' });
    const snapshot = await download(home, 'org/name', commit, files);
    expect(await remove(`org/name@${otherCommit}`)).toEqual([`org/name@${commit}`]);
    const blobs = await readdir(join(home, 'hub', 'models--org--name', 'blobs'));
    expect(blobs.toSorted()).toEqual([gitHash('{}'), sha256('weights')].toSorted());
    expect(await readFile(join(snapshot, 'model.safetensors'), 'utf8')).toBe('weights');
  });

  test('by key, its beginning, the folder, or the folder that it was made from', async () => {
    for (const target of [
      (folder: string) => folder.slice(-16),
      (folder: string) => folder.slice(-16, -10),
      (folder: string) => folder,
      () => source,
    ]) {
      expect(await remove(target(await convert(source)))).toEqual([]);
    }
  });

  test('refuses what is not in the store', async () => {
    for (const target of ['org/none', 'abcd', '', '..', '/etc']) {
      await expect(findStored(home, target)).rejects.toMatchObject({ code: 'model_unavailable' });
    }
  });

  test('refuses what a running process serves, naming it, until that has ended or --force', async () => {
    const folder = await convert(source);
    const server = spawn(process.execPath, [join(import.meta.dirname, 'prepare-process.js'), folder, home, 'stay']);
    onTestFinished(() => void server.kill('SIGKILL'));
    const [line] = (await once(createInterface(server.stdout), 'line')) as [string];
    expect(line).toBe(`ready ${join(folder, 'model.gguf')}`);
    expect(await listModels(home)).toMatchObject([{ usedBy: [server.pid] }]);
    await expect(remove(folder)).rejects.toMatchObject({
      code: 'model_in_use',
      message: expect.stringContaining(`served by process ${server.pid}. Stop it first`),
    });
    expect(await collectGarbage({ home, converterVersions: ['2'], isDryRun: false })).toEqual([]);

    server.kill('SIGKILL');
    await once(server, 'exit');
    expect(await remove(folder)).toEqual([]);
  });

  test('one who cannot write to the store may serve from it all the same, and is warned', async () => {
    const folder = await convert(source);
    await rm(join(home, 'uses'), { recursive: true });
    await writeFile(join(home, 'uses'), '');
    const options = preparation(home, folder);
    await (await prepareModel(options)).release();
    expect(options.lines).toEqual([expect.stringMatching(/^warning: Other processes may remove/)]);
  });

  test('with --force takes what is in use', async () => {
    const { release } = await prepare(source);
    expect(await remove(source, true)).toEqual([]);
    await release();
  });
});

describe('verify', () => {
  test('finds nothing wrong with what was not touched', async () => {
    await convert(await download(home, 'org/name', commit, files));
    const results = await verify();
    expect(results.map(({ result }) => result)).toEqual(['ok', 'ok', 'ok', 'ok']);
  });

  test('makes a damaged conversion again, of the same bytes', async () => {
    const folder = await convert(source, { precision: 'q4_0' });
    const model = join(folder, 'model.gguf');
    const whole = await readFile(model, 'utf8');
    await writeFile(model, whole.replace('so on', 'so no'));
    expect(await verify()).toMatchObject([{ result: 'repaired', path: model }, { result: 'ok' }]);
    expect(await readFile(model, 'utf8')).toBe(whole);
    expect((await verify()).every(({ result }) => result === 'ok')).toBe(true);
  });

  test('leaves a damaged conversion whose checkpoint is gone, and says so', async () => {
    const folder = await convert(source);
    await writeFile(join(folder, 'mmproj.gguf'), 'GGUF and so no');
    await rm(source, { recursive: true });
    expect(await verify()).toMatchObject([
      { result: 'ok' },
      {
        result: 'damaged',
        advice: expect.stringMatching(/cannot be converted again: .*ENOENT.* Remove it with: vserve rm/),
      },
    ]);
    expect(await readFile(join(folder, 'mmproj.gguf'), 'utf8')).toBe('GGUF and so no');
  });

  test('leaves a damaged conversion whose converter lacks something, and brings the one that made it', async () => {
    converter.converterVersion = 'another 3';
    const folder = await convert(source);
    await writeFile(join(folder, 'mmproj.gguf'), 'GGUF and so no');
    converter = fakeConverter({
      converterVersion: 'another 3',
      checkConfig: () => Promise.reject(new Error('There is no Python.')),
    });
    const versions: string[] = [];
    const loadConverter = async (version: string) => {
      versions.push(version);
      return converter;
    };
    expect(await verify({ loadConverter })).toMatchObject([
      { result: 'ok' },
      { result: 'damaged', advice: expect.stringMatching(/cannot be converted again: There is no Python/) },
    ]);
    expect(versions).toEqual(['another 3']);
    expect(await readFile(join(folder, 'mmproj.gguf'), 'utf8')).toBe('GGUF and so no');
  });

  test('removes a damaged blob that cannot be fetched, and says what to do', async () => {
    const snapshot = await download(home, 'org/name', commit, files);
    const weights = join(home, 'hub', 'models--org--name', 'blobs', sha256('weights'));
    await writeFile(weights, 'weighty');
    expect(await verify()).toMatchObject([
      { result: 'ok' },
      {
        result: 'removed',
        path: join(snapshot, 'model.safetensors'),
        advice: 'It cannot be fetched now: The Hub does not answer.\nRun "vserve verify" again later.',
      },
    ]);
    await expect(stat(weights)).rejects.toThrow(/ENOENT/);
    expect(await verify()).toContainEqual(expect.objectContaining({ result: 'missing' }));
  });

  test('leaves a damaged file of another program alone, and fetches one of its own', async () => {
    const snapshot = await download(home, 'org/name', commit, files);
    const link = join(snapshot, 'model.safetensors');
    const foreign = join(dirname(home), sha256('weights'));
    await writeFile(foreign, 'weighty');
    await rm(join(home, 'hub', 'models--org--name', 'blobs', sha256('weights')));
    await rm(link);
    await symlink(foreign, link);
    const fetched: (readonly string[])[] = [];
    const results = await verify({ fetchAgain: async (_, paths) => void fetched.push(paths) });
    expect(results.map(({ result }) => result)).toEqual(['ok', 'repaired']);
    expect(fetched).toEqual([['model.safetensors']]);
    expect(await readFile(foreign, 'utf8')).toBe('weighty');
    expect(await readlink(link)).toBe(`../../blobs/${sha256('weights')}`);
  });

  test.each([
    ['hard link to the cache of another program', link],
    ['copy of it', copyFile],
  ])('knows by the list of the Hub what a %s should hold', async (_, put) => {
    const snapshot = await download(home, 'org/name', commit, files);
    const weights = join(snapshot, 'model.safetensors');
    const blob = join(home, 'hub', 'models--org--name', 'blobs', sha256('weights'));
    await list('weights');
    const foreign = join(dirname(home), 'model.safetensors');
    await rename(blob, foreign);
    await rm(weights);
    await put(foreign, weights);
    expect((await verify()).map(({ result }) => result)).toEqual(['ok', 'ok']);

    await writeFile(weights, 'weighty');
    const before = await readFile(foreign, 'utf8');
    expect(await verify({ fetchAgain: () => writeFile(blob, 'weights') })).toMatchObject([
      { result: 'ok' },
      { result: 'repaired', path: weights },
    ]);
    expect(await readFile(weights, 'utf8')).toBe('weights');
    expect(await readFile(foreign, 'utf8')).toBe(before);
  });

  test('fetches a damaged blob where it can, before it looks at what was made of it', async () => {
    const snapshot = await download(home, 'org/name', commit, files);
    const folder = await convert(snapshot);
    await writeFile(join(folder, 'model.gguf'), 'nonsense');
    await writeFile(join(home, 'hub', 'models--org--name', 'blobs', sha256('weights')), 'nonsense');
    const results = await verify({
      fetchAgain: async ({ repository, commit }) => {
        await rm(join(home, 'hub', 'models--org--name', 'snapshots'), { recursive: true });
        await download(home, repository, commit, files);
      },
    });
    expect(results.map(({ result }) => result)).toEqual(['ok', 'repaired', 'repaired', 'ok']);
  });
});

async function gc(isDryRun = false, converterVersion = '1') {
  const found = await collectGarbage({ home, converterVersions: ['another 3', converterVersion], isDryRun });
  return found.map(({ path, bytes, reason }) => `${basename(path)} ${bytes} ${reason}`);
}

describe('gc', () => {
  test('finds nothing in a store that is in order', async () => {
    await convert(await download(home, 'org/name', commit, files));
    expect(await gc()).toEqual([]);
    expect((await verify()).every(({ result }) => result === 'ok')).toBe(true);
  });

  test('removes what killed processes left behind, and only tells of it in a dry run', async () => {
    await mkdir(join(home, 'converting', '0123456789abcdef.gone'), { recursive: true });
    await writeFile(join(home, 'converting', '0123456789abcdef.gone', 'model.gguf'), 'half');
    const found = ['0123456789abcdef.gone 4 left behind by a process that has ended'];
    expect(await gc(true)).toEqual(found);
    expect(await gc()).toEqual(found);
    expect(await readdir(join(home, 'converting'))).toEqual([]);
    expect(await gc()).toEqual([]);
  });

  test('removes conversions by another converter and those that say nothing of themselves', async () => {
    const old = basename(await convert(source));
    const broken = await convert(source, { precision: 'q8_0' });
    await writeFile(join(broken, 'manifest.json'), '{}');
    const found = await gc(false, '2');
    expect(found.map((line) => line.replace(/ \d+ /, ' '))).toEqual(
      [`${old} made by version 1 of the converter`, `${basename(broken)} has no readable manifest`].toSorted(),
    );
    expect(await readdir(join(home, 'converted'))).toEqual([]);
  });

  test('removes old blobs that belong to no snapshot, and leaves those of a pull that was just interrupted', async () => {
    const snapshot = await download(home, 'org/name', commit, files);
    const blobs = join(home, 'hub', 'models--org--name', 'blobs');
    await writeFile(join(blobs, 'old.incomplete'), 'half');
    await writeFile(join(blobs, 'new.incomplete'), 'half');
    for (const name of ['old.incomplete', sha256('weights')]) {
      await utimes(join(blobs, name), new Date(), new Date('2001-01-01'));
    }
    expect(await gc()).toEqual(['old.incomplete 4 belongs to no snapshot']);
    expect(await readdir(blobs)).toHaveLength(3);
    expect(await readFile(join(snapshot, 'model.safetensors'), 'utf8')).toBe('weights');
  });
});
