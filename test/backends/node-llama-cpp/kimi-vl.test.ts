import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import backend from '../../../backends/node-llama-cpp/index.ts';
import { LoadedLlama } from '../../../backends/node-llama-cpp/loaded-llama.ts';
import { greedyRequest } from '../../engine/greedy.ts';
import { seeingCheckpoint } from '../../engine/seeing-checkpoints.ts';
import { writeCheckpoint } from '../../reference/write-checkpoint.ts';
import type { ModelFiles } from '../../../src/backend/index.ts';
import { convertCheckpoint } from '../../../src/convert/index.ts';
import { defaultLoadSettings } from '../../../src/settings/index.ts';

const { signal } = new AbortController();
const onProgress = (): void => undefined;

/** The greatest logits of the answer to a word. */
async function logitsOf(files: ModelFiles): Promise<number[]> {
  const settings = { ...defaultLoadSettings, devices: 'cpu', maxLength: 512, maxBatchSize: 1, threads: 1 };
  const model = await backend.load(files, settings, { onProgress, log: () => undefined, signal });
  if (!(model instanceof LoadedLlama)) throw new Error('not a model of node-llama-cpp');
  const messages = [{ role: 'user', content: [{ type: 'text', text: 'a' }] }] as const;
  const logits = await model.firstLogits({ messages, ...greedyRequest, maxTokens: 1, ignoreEos: true }, 5);
  await model.close();
  expect(logits).toHaveLength(5);
  return logits.map(({ logit }) => logit);
}

// A CPU with AMX has matrices of these types laid out anew, and would end the process at those of latent attention.
test('it computes in each precision', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'vserve-kimi-vl-'));
  const sourceDir = join(folder, 'checkpoint');
  await writeCheckpoint(sourceDir, seeingCheckpoint('kimi-vl-tiny'));
  const convert = (outtype: 'f32' | 'f16' | 'q8_0') =>
    convertCheckpoint({ sourceDir, destinationDir: join(folder, outtype), outtype, onProgress, signal });
  const exact = await logitsOf(await convert('f32'));
  const half = await logitsOf(await convert('f16'));
  expect(Math.max(...half.map((logit, rank) => Math.abs(logit - (exact[rank] ?? NaN))))).toBeLessThan(0.5);
  expect((await logitsOf(await convert('q8_0'))).filter((logit) => !Number.isFinite(logit))).toEqual([]);
  await rm(folder, { recursive: true });
});
