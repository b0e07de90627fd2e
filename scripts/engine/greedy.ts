import type { SamplingSettings } from '../../src/backend/index.ts';

/** Always the likeliest token. */
export const greedy: SamplingSettings = {
  temperature: 0,
  topP: 1,
  topK: -1,
  minP: 0,
  seed: undefined,
  frequencyPenalty: 0,
  presencePenalty: 0,
  repetitionPenalty: 1,
};
