import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import backend from '../../../backends/node-llama-cpp/index.ts';
import { LoadedLlama } from '../../../backends/node-llama-cpp/loaded-llama.ts';
import { conversationsOf } from '../../engine/conversations.ts';
import { greedyRequest } from '../../engine/greedy.ts';
import { seeingCheckpoint } from '../../engine/seeing-checkpoints.ts';
import { writeCheckpoint } from '../../reference/write-checkpoint.ts';
import type { LoadedModel, ModelFiles } from '../../../src/backend/index.ts';
import { convertCheckpoint } from '../../../src/convert/index.ts';
import type { ConvertedModel, Outtype } from '../../../src/convert/index.ts';
import { defaultLoadSettings } from '../../../src/settings/index.ts';

const name = 'gemma3n-tiny';
const { signal } = new AbortController();
const onProgress = (): void => undefined;
let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vserve-gemma3n-'));
  await writeCheckpoint(join(folder, name), seeingCheckpoint(name));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function convertAs(outtype: Outtype): Promise<ConvertedModel> {
  const destinationDir = join(folder, outtype);
  return convertCheckpoint({ sourceDir: join(folder, name), destinationDir, outtype, onProgress, signal });
}

function load(files: ModelFiles): Promise<LoadedModel> {
  const settings = { ...defaultLoadSettings, devices: 'cpu', maxLength: 2048, maxBatchSize: 1, threads: 1 };
  return backend.load(files, settings, { onProgress, log: () => undefined, signal });
}

/** The greatest logits of the answer to a question about a picture. */
async function logitsOf(files: ModelFiles): Promise<number[]> {
  const model = await load(files);
  if (!(model instanceof LoadedLlama)) throw new Error('not a model of node-llama-cpp');
  const [messages = []] = conversationsOf(name);
  const request = { messages, ...greedyRequest, maxTokens: 1, ignoreEos: true };
  const logits = await model.firstLogits(request, 5);
  await model.close();
  return logits.map(({ logit }) => logit);
}

test('it computes in each precision, text model and encoder', async () => {
  const exact = await logitsOf(await convertAs('f32'));
  for (const outtype of ['f16', 'bf16', 'q8_0'] as const) {
    const logits = await logitsOf(await convertAs(outtype));
    const differences = logits.map((logit, rank) => Math.abs(logit - (exact[rank] ?? NaN)));
    expect(Math.max(...differences), outtype).toBeLessThan(0.3);
  }
});

test('a GGUF file at whose layers llama.cpp would end the process is refused', async () => {
  const { modelPath } = await convertAs('f32');
  const file = await readFile(modelPath);
  const key = 'gemma3n.attention.sliding_window_pattern';
  // Behind the key stand its type, that of the elements, and how many there are.
  const pattern = file.indexOf(key) + key.length + 4 + 4 + 8;
  file[pattern + 19] = 1;
  const spoilt = join(folder, 'spoilt.gguf');
  await writeFile(spoilt, file);
  await expect(load({ modelPath: spoilt, mmprojPath: undefined })).rejects.toMatchObject({
    code: 'model_load_failed',
    message: expect.stringContaining('from the 20th') as string,
  });
});
