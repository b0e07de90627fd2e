import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { beforeEach, expect, test } from 'vitest';
import { downloadModel } from '../../src/hub/index.ts';
import { isRepositoryId, requireRevision, requireSafePath } from '../../src/hub/names.ts';
import { checkpointFiles, hubWith, large, requestTo, small, temporaryFolder } from './download.ts';

let folder: string;
beforeEach(async () => {
  folder = await temporaryFolder();
});

test.each([
  '../../escaped.gguf',
  '/etc/escaped.gguf',
  'a/../../../escaped.gguf',
  'C:\\escaped.gguf',
  'a\\..\\escaped.gguf',
  'a/./escaped.gguf',
  'a//escaped.gguf',
  'nul.gguf',
  'a:escaped.gguf',
  'a\u0000.gguf',
  `${'x'.repeat(300)}.gguf`,
])('a hub that lists %j cannot write outside the store', async (path) => {
  const hub = await hubWith({ files: new Map([[path, large(1000)]]) });
  await expect(downloadModel(requestTo(hub, folder))).rejects.toMatchObject({ code: 'hub_invalid_answer' });
  expect(await readdir(folder, { recursive: true })).toEqual([]);
});

test('nor one that gives a path for a hash', async () => {
  const hub = await hubWith({ files: checkpointFiles() });
  const entries = [{ type: 'file', path: 'config.json', size: 2, oid: '../../../../escaped' }];
  hub.options = { ...hub.options, fault: ({ path }) => (path.includes('/tree/') ? { json: entries } : undefined) };
  await expect(downloadModel(requestTo(hub, folder))).rejects.toThrow(
    /does not respond as the Hugging Face Hub does \(oid/,
  );
  expect(await readdir(folder, { recursive: true })).toEqual([]);
});

test.each([{ sha: '../../x' }, { sha: 3 }, {}, [], null, 'x'])('nor one that gives %j for a commit', async (json) => {
  const hub = await hubWith({
    files: checkpointFiles(),
    fault: ({ path }) => (path.includes('/revision/') ? { json } : undefined),
  });
  await expect(downloadModel(requestTo(hub, folder))).rejects.toMatchObject({ code: 'hub_invalid_answer' });
});

test.each(['{}', '[1]', '[{"type":"file","path":"x","size":-1,"oid":"x"}]', '[{"type":"file"}]'])(
  'a list of files that is %s is an error',
  async (text) => {
    const json: unknown = JSON.parse(text);
    const hub = await hubWith({
      files: checkpointFiles(),
      fault: ({ path }) => (path.includes('/tree/') ? { json } : undefined),
    });
    await expect(downloadModel(requestTo(hub, folder))).rejects.toMatchObject({ code: 'hub_invalid_answer' });
  },
);

test('a list of files without an end ends', async () => {
  const hub = await hubWith({ files: checkpointFiles() });
  const link = `<${hub.url}/api/models/org/shapes/tree/main>; rel="next"`;
  hub.options = {
    ...hub.options,
    fault: ({ path }) => (path.includes('/tree/') ? { json: [], headers: { link } } : undefined),
  };
  await expect(downloadModel(requestTo(hub, folder))).rejects.toThrow(/lists the files of org\/shapes endlessly/);
});

test('redirects that never end, end', async () => {
  const hub = await hubWith({ files: checkpointFiles() });
  hub.options = { ...hub.options, fault: ({ path }) => ({ status: 302, headers: { location: `${hub.url}${path}` } }) };
  await expect(downloadModel(requestTo(hub, folder))).rejects.toThrow(/redirects more than 5 times/);
  hub.options = { ...hub.options, fault: () => ({ status: 302, headers: { location: 'file:///etc/passwd' } }) };
  await expect(downloadModel(requestTo(hub, folder))).rejects.toThrow(/redirects to a URL that cannot be followed/);
});

test("files that stand in each other's way are an error", async () => {
  const files = new Map([
    ['a.gguf', large(1000)],
    ['mmproj/a.gguf', large(1000)],
    ['LICENSE', small('x')],
    ['LICENSE/mmproj.gguf', large(10)],
  ]);
  const hub = await hubWith({ files });
  const request = requestTo(hub, folder);
  const choice = { ...request.choice, mmproj: 'LICENSE/mmproj.gguf', weightPath: 'a.gguf' };
  await expect(downloadModel({ ...request, choice })).rejects.toThrow();
  expect((await readdir(folder)).toSorted()).toEqual(['hub']);
});

test('ids and revisions never name anything above', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom('a', '.', '/', '-', '\\', '\u0000', '~', ':', '@', '{', ' ') }),
      (text) => {
        if (isRepositoryId(text)) expect(text).toMatch(/^[a.-]+\/[a.-]+$/);
        let isSafe = true;
        try {
          requireRevision(text);
          requireSafePath(text);
        } catch {
          isSafe = false;
        }
        if (isSafe) expect(join('/store', text)).toMatch(/^\/store\/[^/]/);
      },
    ),
    { numRuns: 2000 },
  );
});
