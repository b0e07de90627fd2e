import assert from 'node:assert/strict';
import { samplerNames } from '../sampling-settings.ts';
import type { Trial } from './trial.ts';

/** What a model says of itself. */
export const infoTrials: readonly Trial[] = [
  {
    name: 'info says what the model can do',
    async check({ model }) {
      const { capabilities, contextLength, maxBatchSize, samplingDefaults, device } = model.info;
      for (const [name, count] of Object.entries({ contextLength, maxBatchSize })) {
        assert.ok(Number.isSafeInteger(count) && count > 0, `info.${name} must be a whole number above 0.`);
      }
      assert.equal(typeof device, 'string', 'info.device must be a text.');
      assert.equal(typeof samplingDefaults, 'object', 'info.samplingDefaults must be an object.');
      const { maxChoices, samplers, ...others } = capabilities;
      for (const [name, value] of Object.entries(others)) {
        assert.equal(typeof value, 'boolean', `info.capabilities.${name} must be true or false.`);
      }
      assert.equal(typeof capabilities.vision, 'boolean', 'info.capabilities.vision must be told.');
      assert.ok(maxChoices === undefined || (Number.isSafeInteger(maxChoices) && maxChoices > 0));
      assert.ok(
        samplers === undefined || samplers.every((name) => samplerNames.includes(name)),
        'A sampler is unknown.',
      );
      assert.equal(
        capabilities.embeddings === true,
        model.embed !== undefined,
        'embed and capabilities.embeddings differ.',
      );
      assert.ok(capabilities.imageBudgets !== true || capabilities.vision, 'There are imageBudgets, and no vision.');
    },
  },
];
