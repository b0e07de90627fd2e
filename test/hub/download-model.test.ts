import { readdir, readFile, readlink, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { downloadModel } from '../../src/hub/index.ts';
import { COMMIT, sha256 } from '../support/loopback-hub.ts';
import { checkpointFiles, hubWith, requestTo, temporaryFolder } from './download.ts';

let folder: string;
beforeEach(async () => {
  folder = await temporaryFolder();
});

test('a checkpoint: what it needs and nothing else, in the layout of the cache of Hugging Face', async () => {
  const files = checkpointFiles();
  const hub = await hubWith({ files });
  const request = requestTo(hub, folder);
  const model = await downloadModel(request);
  const repository = join(folder, 'hub', 'models--org--shapes');
  expect(model).toMatchObject({ folder: join(repository, 'snapshots', COMMIT), commit: COMMIT, gguf: undefined });
  const wanted = ['LICENSE', 'config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json'];
  expect(model.files.map(({ path }) => path).toSorted()).toEqual(wanted);
  expect(await readdir(model.folder)).toEqual(wanted);
  for (const path of wanted) {
    expect(sha256(await readFile(join(model.folder, path)))).toBe(sha256(files.get(path)?.content ?? Buffer.alloc(0)));
  }
  const weights = files.get('model.safetensors')?.content ?? Buffer.alloc(0);
  expect(await readlink(join(model.folder, 'model.safetensors'))).toBe(`../../blobs/${sha256(weights)}`);
  expect(await readFile(join(repository, 'refs', 'main'), 'utf8')).toBe(COMMIT);
  expect((await readdir(join(repository, 'blobs'))).length).toBe(wanted.length);
});

test('each byte is fetched once, and nothing the second time', async () => {
  const files = checkpointFiles();
  const hub = await hubWith({ files });
  const model = await downloadModel(requestTo(hub, folder));
  const before = await stat(model.folder);
  const requests = hub.requestsFor('model.safetensors').filter(({ host }) => host === 'cdn');
  expect(requests.length).toBe(5);
  expect(requests.reduce((sum, { bytesSent }) => sum + bytesSent, 0)).toBe(
    files.get('model.safetensors')?.content.length,
  );
  hub.requests.length = 0;
  await downloadModel(requestTo(hub, folder));
  expect(hub.requests.map(({ path }) => path)).toEqual(['/api/models/org/shapes/revision/main']);
  // "vserve list" gives the folder's time as the date of the download.
  expect((await stat(model.folder)).mtimeMs).toBe(before.mtimeMs);
});
