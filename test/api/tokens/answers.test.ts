import { expect, it } from 'vitest';
import { tokenIdsText } from '../../../src/api/tokens/index.ts';

it.each([0, 1, 32_768, 32_769, 100_000])('%i ids are written in slices, with a pause between them', async (count) => {
  const ids = Int32Array.from({ length: count }, (_, index) => (index * 7) % 262_144);
  let pauses = 0;
  const text = await tokenIdsText(ids, 4096, () => Promise.resolve((pauses += 1)));
  expect(JSON.parse(text)).toEqual({ tokens: [...ids], count, max_model_len: 4096 });
  expect(pauses).toBe(Math.max(0, Math.ceil(count / 32_768) - 1));
});
