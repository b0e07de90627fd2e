import { GENERATION_DEFAULTS, SAMPLING_DEFAULTS } from '../../src/api/request-defaults.ts';
import type { GenerateRequest, SamplingSettings } from '../../src/backend/index.ts';

/** Always the likeliest token. */
export const greedy: SamplingSettings = { ...SAMPLING_DEFAULTS, temperature: 0 };

const { maxTokens: _, ...generationDefaults } = GENERATION_DEFAULTS;

/** All of a request but its conversation and its length: greedy, rendered as by default. */
export const greedyRequest: Omit<GenerateRequest, 'messages' | 'maxTokens'> = {
  template: { variables: {}, addGenerationPrompt: true, continueFinalMessage: false },
  sampling: greedy,
  ...generationDefaults,
};
