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
  const [asked] = oddSettings[family] ?? [];
  const cases = [
    [1, 1, asked],
    [30, 3000, asked],
    [3000, 30, undefined],
    [300, 200, undefined],
  ] as const;
  for (const [seed, [width, height, settings]] of cases.entries()) {
    const { outcome, receipt } = await askOddly(loaded.model, plainPicture(width, height, seed), {}, settings);
    expect(['seen', ...refusals]).toContain(outcome);
    if (outcome === 'seen') expect(receipt?.seen?.width).toBeGreaterThan(0);
  }
  expect((await askOddly(loaded.model, plainPicture(400, 300, 9), { detail: 'low' })).outcome).toBe('seen');
  await loaded.dispose();
});
