import { beforeEach, expect, test } from 'vitest';
import { downloadModel, previewDownload } from '../../src/hub/index.ts';
import type { Choice, DownloadRequest } from '../../src/hub/index.ts';
import { draftHeadHeader, ggufHeader, modelHeader, projectorHeader } from '../support/gguf-header.ts';
import type { HostedFile, LoopbackHub } from '../support/loopback-hub.ts';
import { hubWith, requestTo, temporaryFolder } from './download.ts';

let folder: string;
beforeEach(async () => {
  folder = await temporaryFolder();
});

/** A file with a header and then so many bytes. */
function gguf(header: Uint8Array, bytes: number): HostedFile {
  return { content: Buffer.concat([header, Buffer.alloc(bytes - header.length, 1)]), lfs: true };
}

const assistant = ggufHeader({ 'general.architecture': 'gemma4-assistant' });
const files = new Map([
  ['gemma-4-12B-Q8_0.gguf', gguf(modelHeader('gemma4'), 900_000)],
  ['gemma-4-12B-Q4_0.gguf', gguf(modelHeader('gemma4'), 500_000)],
  ['gemma-4-12B-assistant-Q8_0.gguf', gguf(assistant, 100_000)],
  ['MTP/gemma-4-12B-MTP-Q8_0.gguf', gguf(draftHeadHeader('gemma4'), 120_000)],
  ['imatrix_unsloth.gguf', gguf(ggufHeader({ 'general.type': 'imatrix' }), 1000)],
  ['mmproj-F16.gguf', gguf(projectorHeader(2560), 50_000)],
]);

function request(hub: LoopbackHub, choice: Partial<Choice>, changes: Partial<DownloadRequest> = {}) {
  const base = requestTo(hub, folder, changes);
  return { ...base, choice: { ...base.choice, ...choice } };
}

// 8192 tokens of a context take 83.9 MB.
function withMemory(bytes: number): Partial<Choice> {
  return { memoryBytes: async () => 83_886_080 + bytes };
}

async function pathsOf(asked: ReturnType<typeof request>): Promise<string[]> {
  await previewDownload(asked);
  return asked.events.flatMap((event) => (event.type === 'plan' ? event.files.map(({ path }) => path) : []));
}

test('what a file is, its header tells before anything is fetched: a ranged request, and no more', async () => {
  const hub = await hubWith({ files });
  const wanted = request(hub, withMemory(600_000));
  expect(await pathsOf(wanted)).toEqual(['mmproj-F16.gguf', 'gemma-4-12B-Q4_0.gguf']);
  expect(wanted.events).toContainEqual(
    expect.objectContaining({
      type: 'plan',
      reason: expect.stringMatching(/^gemma-4-12B-Q4_0.*the largest of 4 GGUF/),
    }),
  );
  const asked = hub.requests.filter(({ host }) => host === 'cdn');
  expect(asked.map(({ path, range }) => [path.split('/').at(-1), range])).toEqual([
    ['gemma-4-12B-Q8_0.gguf', [0, 65_535]],
  ]);
});

test('a drafter is not taken where the model does not fit, by whatever name', async () => {
  const hub = await hubWith({ files });
  await expect(pathsOf(request(hub, withMemory(300_000)))).rejects.toMatchObject({
    code: 'model_unavailable',
    message: expect.stringMatching(/^org\/shapes has no GGUF model that fits .* smallest is gemma-4-12B-Q4_0\.gguf/),
  });
  expect(hub.requestsFor('imatrix_unsloth.gguf')).toEqual([]);
});

test('of several files of a type, the one that is a model', async () => {
  const hub = await hubWith({ files });
  expect(await pathsOf(request(hub, { encoding: 'q8_0' }))).toEqual(['mmproj-F16.gguf', 'gemma-4-12B-Q8_0.gguf']);
});

test('offline, auto takes what is on the disk', async () => {
  const hub = await hubWith({ files });
  await downloadModel(request(hub, { weightPath: 'gemma-4-12B-Q4_0.gguf' }));
  const asked = request(hub, withMemory(2_000_000));
  const offline = { ...asked, settings: { ...asked.settings, offline: true } };
  const { gguf: chosen } = await downloadModel(offline);
  expect(chosen).toEqual({ model: 'gemma-4-12B-Q4_0.gguf', mmproj: 'mmproj-F16.gguf' });
});

test('a projector from elsewhere: none of the repository is fetched', async () => {
  const hub = await hubWith({ files });
  expect(await pathsOf(request(hub, { encoding: 'q4_0', otherProjectorBytes: 10 }))).toEqual(['gemma-4-12B-Q4_0.gguf']);
});

test('a path that leads out of the folder is neither read nor asked for', async () => {
  const hub = await hubWith({ files: new Map([['../../../secret.gguf', gguf(modelHeader('llama'), 1000)]]) });
  await expect(pathsOf(request(hub, {}))).rejects.toMatchObject({ code: 'hub_invalid_answer' });
  expect(hub.requests.filter(({ path }) => !path.startsWith('/api/'))).toEqual([]);
});
