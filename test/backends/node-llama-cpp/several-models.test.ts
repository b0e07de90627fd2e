import { expect, onTestFinished, test } from 'vitest';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import backend from '../../../backends/node-llama-cpp/index.ts';
import type { LoadSettings, ModelFiles } from '../../../src/backend/index.ts';
import type { ModelSource } from '../../../src/server/index.ts';
import { defaultLoadSettings } from '../../../src/settings/index.ts';
import { serveSources } from '../../server/support/sources.ts';
import { shapesFiles } from '../../support/shapes-engine.ts';
import { writeWithTemplate } from '../../support/with-template.ts';

const settings: LoadSettings = {
  ...defaultLoadSettings,
  devices: 'cpu',
  threads: 1,
  threadsBatch: 1,
  maxLength: 256,
  maxBatchSize: 2,
};
const quiet = { onProgress: () => undefined, log: () => undefined };

/** Whatever it is asked, it is asked to list colours. */
const colours =
  '{{ bos_token }}<start_of_turn>user\nList three colors.<end_of_turn>\n{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}';

async function colourFiles(): Promise<ModelFiles> {
  const folder = await mkdtemp(join(tmpdir(), 'vserve-several-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const modelPath = join(folder, 'colours.gguf');
  writeWithTemplate(shapesFiles().modelPath, modelPath, colours);
  return { modelPath, mmprojPath: undefined };
}

function source(name: string, files: ModelFiles): ModelSource {
  return {
    name,
    memory: (signal) =>
      backend.loadMemory?.(files, settings, { beside: [], log: quiet.log, signal }) ?? Promise.resolve(undefined),
    async load(signal) {
      return { model: await backend.load(files, settings, { ...quiet, signal }), release: () => Promise.resolve() };
    },
  };
}

test('two models of which one may be in memory answer mixed requests, each as it does alone', async () => {
  const { url } = await serveSources([source('counts', shapesFiles()), source('colours', await colourFiles())], {
    maxLoaded: 1,
  });
  const ask = async (model: string): Promise<string> => {
    const messages = [{ role: 'user', content: 'Count to ten.' }];
    const body = JSON.stringify({ model, messages, temperature: 0, max_tokens: 60 });
    const answer = await fetch(`${url}/v1/chat/completions`, { method: 'POST', body });
    const { choices } = (await answer.json()) as { choices: [{ message: { content: string } }] };
    return choices[0].message.content;
  };
  const expected = {
    counts: 'One, two, three, four, five, six, seven, eight, nine, ten.',
    colours: 'Red, green and blue.',
  };
  const names = ['counts', 'colours', 'colours', 'counts', 'colours', 'counts', 'counts', 'colours'] as const;
  expect(await Promise.all(names.map(ask))).toEqual(names.map((name) => expected[name]));
});

test('the engine tells what a model takes, and less room beside others', async () => {
  const files = shapesFiles();
  const { signal } = new AbortController();
  const memory = (beside: readonly ModelFiles[], changes: Partial<LoadSettings> = {}) =>
    backend.loadMemory?.(files, { ...settings, ...changes }, { beside, log: quiet.log, signal });
  const alone = await memory([]);
  const withMoreTokens = await memory([], { maxLength: 512 });
  expect(alone?.neededBytes).toBeGreaterThan(1_000_000);
  expect(alone?.freeBytes).toBeGreaterThan(alone?.neededBytes ?? 0);
  expect(withMoreTokens?.neededBytes).toBeGreaterThan(alone?.neededBytes ?? 0);
  // What adapters take is kept for them.
  const adapterPath = files.mmprojPath ?? '';
  const adapted = await backend.loadMemory?.({ ...files, adapterPaths: [adapterPath] }, settings, {
    beside: [],
    log: quiet.log,
    signal,
  });
  expect((adapted?.neededBytes ?? 0) - (alone?.neededBytes ?? 0)).toBe((await stat(adapterPath)).size);
  // Next to nothing of the machine may be used.
  expect((await memory([], { deviceMemoryUtilization: 0.001 }))?.freeBytes).toBe(0);
});
