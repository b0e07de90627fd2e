import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import backend from '../../../backends/node-llama-cpp/index.ts';
import { LoadedLlama } from '../../../backends/node-llama-cpp/loaded-llama.ts';
import { ask } from '../../engine/ask.ts';
import type { OwnAnswer } from '../../engine/ask.ts';
import { oddConversations } from '../../engine/conversations.ts';
import { joined } from '../../engine/faithful-model.ts';
import type { ProcessorReference } from '../../engine/faithful-model.ts';
import { faithfulCheckpoint } from '../../engine/seeing-checkpoints.ts';
import { fixture } from '../../reference/checkpoints.ts';
import { writeCheckpoint } from '../../reference/write-checkpoint.ts';
import type { LoadedModel, LoadSettings, ModelFiles } from '../../../src/backend/index.ts';
import { convertCheckpoint } from '../../../src/convert/index.ts';
import { defaultLoadSettings } from '../../../src/settings/index.ts';

const onProgress = (): void => undefined;
const { signal } = new AbortController();

async function load(files: ModelFiles, settings: Partial<LoadSettings>): Promise<LoadedModel> {
  const usual = { ...defaultLoadSettings, devices: 'cpu', maxLength: 8192, maxBatchSize: 2 };
  return backend.load(files, { ...usual, ...settings }, { onProgress, log: () => undefined, signal });
}

// llama-server sees their pictures otherwise: no answers of its own to hold these against.
const asked = oddConversations.slice(0, 5);

describe.each([
  'llava-tiny',
  'llava-next-tiny',
  'granite4-vision-tiny',
  'kimi-vl-tiny',
  'minicpm-v-4.6-tiny',
  'llama4-maverick-tiny',
  'granite-vision-tiny',
  'internvl3.5-tiny',
])('a converted %s', (name) => {
  let folder = '';
  let files: ModelFiles;
  let plain: OwnAnswer[];
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vserve-family-'));
    const sourceDir = join(folder, name);
    await writeCheckpoint(sourceDir, faithfulCheckpoint(name));
    files = await convertCheckpoint({ sourceDir, destinationDir: folder, outtype: 'f32', onProgress, signal });
    const model = await load(files, { enablePrefixCaching: false, maxVisionCacheEntries: 0 });
    plain = [];
    for (const messages of asked) plain.push(await ask(model, messages));
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
    for (const [i, messages] of [...asked.entries(), ...[...asked.entries()].toReversed()]) {
      expect(await ask(model, messages)).toEqual(plain[i]);
    }
    await model.close();
  });
});

it('reads the same without tokenizer.model, of the same vocabulary in tokenizer.json', async () => {
  const name = 'llava-tiny';
  const folder = await mkdtemp(join(tmpdir(), 'vserve-family-'));
  const checkpoint = faithfulCheckpoint(name);
  const files = Object.entries(checkpoint.files).filter(([file]) => file !== 'tokenizer.model');
  const sourceDir = join(folder, name);
  await writeCheckpoint(sourceDir, { ...checkpoint, files: Object.fromEntries(files) });
  const { prompts } = JSON.parse(readFileSync(fixture(`processors/${name}.json`), 'utf8')) as ProcessorReference;
  const model = await load(
    await convertCheckpoint({ sourceDir, destinationDir: folder, outtype: 'f32', onProgress, signal }),
    {},
  );
  if (!(model instanceof LoadedLlama)) throw new Error('not a model of node-llama-cpp');
  for (const [i, messages] of oddConversations.entries()) {
    expect(joined(await model.inspectPrompt(messages))).toEqual(prompts[i]?.tokens);
  }
  await model.close();
  await rm(folder, { recursive: true });
});
