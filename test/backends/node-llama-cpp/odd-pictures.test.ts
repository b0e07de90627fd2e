import { expect, it } from 'vitest';
import { loadFaithful } from '../../engine/faithful-model.ts';
import { askOddly, oddSettings, plainPicture } from '../../engine/odd-pictures.ts';

/** With which a picture may be refused. */
const refusals = ['undecodable', 'invalid_request', 'context_length_exceeded'];

it.each([
  ['gemma4-31b-tiny', 'gemma4'],
  ['qwen2-vl-tiny', 'qwen'],
  ['lfm2-vl-tiny', 'lfm2'],
])('%s sees or refuses pictures of any size at any budget, and goes on', async (name, family) => {
  const loaded = await loadFaithful(name, undefined, undefined, undefined, { maxBatchInputTokens: 64 });
  const settings = [undefined, ...(oddSettings[family] ?? []).slice(0, 1)];
  for (const [width, height] of [
    [1, 1],
    [30, 3000],
    [3000, 30],
    [2500, 1600],
  ] as const) {
    for (const [seed, asked] of settings.entries()) {
      const { outcome, receipt } = await askOddly(loaded.model, plainPicture(width, height, seed), {}, asked);
      expect(['seen', ...refusals]).toContain(outcome);
      if (outcome === 'seen') expect(receipt?.seen?.width).toBeGreaterThan(0);
    }
  }
  const low = await askOddly(loaded.model, plainPicture(400, 300, 1), { detail: 'low' });
  const high = await askOddly(loaded.model, plainPicture(400, 300, 1), { detail: 'high' });
  expect([low.outcome, high.outcome]).toEqual(['seen', 'seen']);
  expect(high.receipt?.tokens).toBeGreaterThanOrEqual(low.receipt?.tokens ?? Infinity);
  await loaded.dispose();
});
