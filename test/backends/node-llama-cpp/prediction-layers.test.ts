import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import backend from '../../../backends/node-llama-cpp/index.ts';
import { ask } from '../../engine/ask.ts';
import type { OwnAnswer } from '../../engine/ask.ts';
import { bitmapOf } from '../../engine/conversations.ts';
import { seeingCheckpoint } from '../../engine/seeing-checkpoints.ts';
import { writeCheckpoint } from '../../reference/write-checkpoint.ts';
import type { ChatMessage } from '../../../src/backend/index.ts';
import { convertCheckpoint } from '../../../src/convert/index.ts';
import { defaultLoadSettings } from '../../../src/settings/index.ts';
import { readGgufHeader } from '../../../src/gguf/read-header.ts';
import { pickTensors, readSafetensors } from '../../convert/support/safetensors.ts';

const { signal } = new AbortController();
const onProgress = (): void => undefined;

const text = { type: 'text', text: 'What is in this picture?' } as const;
const picture = { type: 'image', image: bitmapOf({ width: 64, height: 48, seed: 3 }) } as const;

/** Name, whether it sees, which tensors predict a further token, and the key that announces them. */
describe.each([
  ['qwen3.5-tiny', true, /^mtp\./, 'qwen35'],
  ['qwen3.5-moe-tiny', true, /^mtp\./, 'qwen35moe'],
  ['glm4.5-tiny', false, /^model\.layers\.2\./, 'glm4moe'],
] as const)('%s as transformers saves a fine-tune of it', (name, sees, ofPrediction, architecture) => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vserve-prediction-'));
    await writeCheckpoint(join(folder, name), { ...seeingCheckpoint(name), shards: 1 });
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  async function answerOf(
    outtype: 'f32' | 'bf16',
  ): Promise<{ answer: OwnAnswer; blocks: number; predicting: unknown }> {
    const sourceDir = join(folder, name);
    const files = await convertCheckpoint({ sourceDir, destinationDir: folder, outtype, onProgress, signal });
    const { keyValues } = await readGgufHeader(files.modelPath);
    const settings = { ...defaultLoadSettings, devices: 'cpu', maxLength: 512, maxBatchSize: 1, threads: 1 };
    const model = await backend.load(files, settings, { onProgress, log: () => undefined, signal });
    const messages: ChatMessage[] = [{ role: 'user', content: sees ? [picture, text] : [text] }];
    const answer = await ask(model, messages);
    await model.close();
    return {
      answer,
      blocks: Number(keyValues.get(`${architecture}.block_count`)),
      predicting: keyValues.get(`${architecture}.nextn_predict_layers`),
    };
  }

  test('has no layers that predict a further token, and answers as the original does', async () => {
    const original = await answerOf('f32');
    expect(original.predicting).toBe(1);
    expect(original.answer.text).not.toBe('');
    const file = await readSafetensors(join(folder, name));
    const kept = Object.keys(file.entries).filter((tensor) => !ofPrediction.test(tensor));
    expect(kept.length).toBeLessThan(Object.keys(file.entries).length);
    await writeFile(join(folder, name, 'model.safetensors'), pickTensors(file, kept));
    const saved = await answerOf('f32');
    expect(saved).toEqual({ answer: original.answer, blocks: original.blocks - 1, predicting: undefined });
  });
});
