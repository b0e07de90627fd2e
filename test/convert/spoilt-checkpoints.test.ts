import { expect, test } from 'vitest';
import { SpoiltCheckpoints } from '../../scripts/fuzz/spoilt-checkpoints.ts';
import { VserveError } from '../../src/errors/index.ts';

/** `scripts/fuzz-checkpoints.ts` tries many more. */
test.each([
  ['gemma-tiny-text', 300],
  ['gemma-tiny-floats', 300],
  ['llama-fp8-blocks-tiny', 200],
  ['mistral-fp8-tekken-tiny', 200],
  ['qwen2.5-vl-nested-tiny', 30],
])('spoilt files of %s give a plan or a named error', async (name, count) => {
  const checkpoints = await SpoiltCheckpoints.write([name]);
  let refused = 0;
  for (let number = 0; number < count; number++) {
    const error: unknown = await checkpoints.tryCase(2, number).catch((error: unknown) => error);
    if (error === undefined) continue;
    expect(error, `case ${number}`).toBeInstanceOf(VserveError);
    refused += 1;
  }
  await checkpoints.remove();
  expect(refused).toBeGreaterThan(count / 3);
});
