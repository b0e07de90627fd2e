import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import backend from '../../../backends/node-llama-cpp/index.ts';
import { ask } from '../../../scripts/engine/ask.ts';
import type { OwnAnswer } from '../../../scripts/engine/ask.ts';
import { oddConversations } from '../../../scripts/engine/conversations.ts';
import { faithfulCheckpoint } from '../../../scripts/engine/seeing-checkpoints.ts';
import { writeCheckpoint } from '../../../scripts/reference/write-checkpoint.ts';
import type { LoadedModel, LoadSettings, ModelFiles } from '../../../src/backend/index.ts';
import { convertCheckpoint } from '../../../src/convert/index.ts';

const onProgress = (): void => undefined;
const { signal } = new AbortController();

async function load(files: ModelFiles, settings: Partial<LoadSettings>): Promise<LoadedModel> {
  const usual = { devices: 'cpu', maxLength: 8192, maxBatchSize: 2 };
  return backend.load(files, { ...usual, ...settings }, { onProgress, log: () => undefined, signal });
}

// llama-server makes other pictures of theirs, and puts CLIP's token of the whole in the wrong place.
describe.each(['llava-tiny', 'llava-next-tiny', 'granite-vision-tiny'])('a converted %s', (name) => {
  let folder = '';
  let files: ModelFiles;
  let plain: OwnAnswer[];
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vserve-llava-'));
    const sourceDir = join(folder, name);
    await writeCheckpoint(sourceDir, faithfulCheckpoint(name));
    files = await convertCheckpoint({ sourceDir, destinationDir: folder, outtype: 'f32', onProgress, signal });
    const model = await load(files, { prefixCaching: false, maxVisionCacheEntries: 0 });
    plain = [];
    for (const messages of oddConversations) plain.push(await ask(model, messages));
    await model.close();
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('answers by what it sees: another picture, another answer', () => {
    const [first, other] = plain.map(({ text }) => text);
    expect(first).not.toBe(other);
    expect(new Set(plain.map(({ text }) => text)).size).toBeGreaterThan(plain.length - 2);
  });

  it('answers the same with caches, in any order', async () => {
    const model = await load(files, {});
    for (const [i, messages] of [...oddConversations.entries(), ...[...oddConversations.entries()].toReversed()]) {
      expect(await ask(model, messages)).toEqual(plain[i]);
    }
    await model.close();
  });
});
