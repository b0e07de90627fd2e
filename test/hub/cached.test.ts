import { link, lstat, mkdir, readdir, readFile, readlink, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { downloadModel, previewDownload } from '../../src/hub/index.ts';
import type { DownloadRequest } from '../../src/hub/index.ts';
import { COMMIT, gitHash, sha256 } from '../support/loopback-hub.ts';
import type { HostedFile, LoopbackHub } from '../support/loopback-hub.ts';
import { checkpointFiles, hubWith, requestTo, temporaryFolder } from './download.ts';

const files = checkpointFiles();
const wanted = ['LICENSE', 'config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json'];
let folder: string;
let hub: LoopbackHub;
beforeEach(async () => {
  folder = await temporaryFolder();
  hub = await hubWith({ files });
});

function contentOf(path: string): HostedFile {
  const file = files.get(path);
  if (file === undefined) throw new Error(`There is no ${path}`);
  return file;
}

/** Puts files where the tools of Hugging Face would have them. */
async function putInSharedCache(paths: readonly string[], change: (content: Buffer) => Buffer = (content) => content) {
  const repository = join(folder, 'huggingface', 'models--org--shapes');
  for (const part of ['blobs', 'refs', join('snapshots', COMMIT)])
    await mkdir(join(repository, part), { recursive: true });
  await writeFile(join(repository, 'refs', 'main'), COMMIT);
  for (const path of paths) {
    const { content, lfs } = contentOf(path);
    const digest = lfs ? sha256(content) : gitHash(content);
    await writeFile(join(repository, 'blobs', digest), change(content));
    await symlink(join('..', '..', 'blobs', digest), join(repository, 'snapshots', COMMIT, path));
  }
  return repository;
}

function offline(): DownloadRequest {
  const request = requestTo(hub, folder);
  return { ...request, settings: { ...request.settings, offline: true } };
}

async function expectWhole(model: { readonly folder: string }): Promise<void> {
  for (const path of wanted) {
    expect(sha256(await readFile(join(model.folder, path)))).toBe(sha256(contentOf(path).content));
  }
}

describe('the cache of Hugging Face', () => {
  test('is used where it is, and not written to', async () => {
    const repository = await putInSharedCache(wanted);
    const before = await readdir(repository, { recursive: true });
    const model = await downloadModel(requestTo(hub, folder));
    await expectWhole(model);
    expect(await realpath(join(model.folder, 'model.safetensors'))).toContain(
      join('huggingface', 'models--org--shapes', 'blobs'),
    );
    expect(hub.requests.filter(({ path }) => path.includes('/resolve/'))).toEqual([]);
    expect(await readdir(repository, { recursive: true })).toEqual(before);
  });

  test('is used again by the next download, which changes no link', async () => {
    await putInSharedCache(wanted);
    const { folder: snapshot } = await downloadModel(requestTo(hub, folder));
    const before = await Promise.all(wanted.map((path) => readlink(join(snapshot, path))));
    await expectWhole(await downloadModel(requestTo(hub, folder)));
    expect(await Promise.all(wanted.map((path) => readlink(join(snapshot, path))))).toEqual(before);
    expect(hub.requests.filter(({ path }) => path.includes('/resolve/'))).toEqual([]);
  });

  test('is used again where the file system knows hard links only', async () => {
    const repository = await putInSharedCache(wanted);
    const { folder: snapshot } = await downloadModel(requestTo(hub, folder));
    const weights = join(snapshot, 'model.safetensors');
    await rm(weights);
    await link(join(repository, 'blobs', sha256(contentOf('model.safetensors').content)), weights);
    await expectWhole(await downloadModel(requestTo(hub, folder)));
    expect((await lstat(weights)).nlink).toBe(2);
    expect(hub.requests.filter(({ path }) => path.includes('/resolve/'))).toEqual([]);
  });

  test('gives what it has; the rest is fetched', async () => {
    await putInSharedCache(['model.safetensors']);
    await expectWhole(await downloadModel(requestTo(hub, folder)));
    expect(hub.requestsFor('model.safetensors')).toEqual([]);
    expect(hub.requestsFor('tokenizer.json').length).toBeGreaterThan(0);
  });

  test('with a damaged file is left alone, and the file is fetched', async () => {
    const repository = await putInSharedCache(['model.safetensors'], (content) => Buffer.from(content).fill(0, 5, 6));
    const request = requestTo(hub, folder);
    await expectWhole(await downloadModel(request));
    expect(request.events).toContainEqual({
      type: 'warning',
      message: expect.stringMatching(/does not match the hash it is named by/),
    });
    expect(await readdir(join(repository, 'blobs'))).toHaveLength(1);
  });

  test('is enough, offline', async () => {
    await putInSharedCache(wanted);
    await expectWhole(await downloadModel(offline()));
    expect(hub.requests).toEqual([]);
  });

  test('that goes away leaves links that lead nowhere, and what they led to is fetched', async () => {
    const repository = await putInSharedCache(wanted);
    await downloadModel(requestTo(hub, folder));
    await rm(repository, { recursive: true });
    await expectWhole(await downloadModel(requestTo(hub, folder)));
  });
});

describe('offline', () => {
  test('what was fetched before is there', async () => {
    await downloadModel(requestTo(hub, folder));
    hub.requests.length = 0;
    await expectWhole(await downloadModel(offline()));
    expect(hub.requests).toEqual([]);
  });

  test('what was not is an error that says so', async () => {
    await expect(downloadModel(offline())).rejects.toMatchObject({
      code: 'model_unavailable',
      message: expect.stringMatching(/org\/shapes \(main\) is not on this machine, and HF_HUB_OFFLINE prevents/),
    });
  });

  test('what is there in part is an error that names what is missing', async () => {
    const model = await downloadModel(requestTo(hub, folder));
    await rm(await realpath(join(model.folder, 'tokenizer.json')));
    await expect(downloadModel(offline())).rejects.toThrow(/^tokenizer\.json of org\/shapes is not on this machine/);
  });
});

test('a hub that does not answer: what was fetched before is used, with a warning', async () => {
  await downloadModel(requestTo(hub, folder));
  hub.options = { ...hub.options, fault: () => ({ status: 502 }) };
  const request = requestTo(hub, folder);
  await expectWhole(await downloadModel(request));
  expect(request.events).toContainEqual({
    type: 'warning',
    message: expect.stringMatching(/does not respond: using org\/shapes as last fetched \(commit 01234567\)/),
  });
});

test('a new commit fetches what is new in it, and nothing else', async () => {
  await downloadModel(requestTo(hub, folder));
  const newer = 'f'.repeat(40);
  const changed = new Map(files).set('config.json', {
    content: Buffer.from('{"architectures":["Other"]}'),
    lfs: false,
  });
  hub.options = { files: changed, refs: { main: newer } };
  hub.requests.length = 0;
  const model = await downloadModel(requestTo(hub, folder));
  expect(model.commit).toBe(newer);
  expect(hub.requests.filter(({ path }) => path.includes('/resolve/')).map(({ path }) => path)).toEqual([
    `/org/shapes/resolve/${newer}/config.json`,
  ]);
});

test('a commit stays what it is, whatever became of the branch', async () => {
  await downloadModel(requestTo(hub, folder, { revision: COMMIT }));
  hub.requests.length = 0;
  await expectWhole(await downloadModel(requestTo(hub, folder, { revision: COMMIT })));
  expect(hub.requests).toEqual([]);
});

test('a preview tells the files and their sizes, and writes nothing', async () => {
  const request = requestTo(hub, folder);
  await previewDownload(request);
  const plan = request.events.find(({ type }) => type === 'plan');
  expect(plan?.type === 'plan' ? plan.files.map(({ path }) => path).toSorted() : []).toEqual(wanted);
  expect(await readdir(folder)).toEqual([]);
  expect(hub.requestsFor('model.safetensors')).toEqual([]);
});

test('a disk with no room for the model and its conversion is refused before the weights come', async () => {
  const request = requestTo(hub, folder, { conversionBytes: () => 1e18 });
  await expect(downloadModel(request)).rejects.toMatchObject({
    code: 'disk_full',
    message: expect.stringMatching(
      /needs 1\.2 MB to download and about 1000000\.0 TB for its conversion, and .* free\.\nFree some space, or set VSERVE_HOME/,
    ),
  });
  expect(hub.requestsFor('model.safetensors')).toEqual([]);
});
