import type { GenerateRequest, SamplingSettings } from '../../src/backend/index.ts';

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
  samplers: ['penalties', 'temperature', 'topK', 'topP', 'minP'],
};

/** All of a request but its conversation and its length: greedy, rendered as by default. */
export const greedyRequest: Omit<GenerateRequest, 'messages' | 'maxTokens'> = {
  template: { variables: {}, addGenerationPrompt: true, continueFinalMessage: false },
  sampling: greedy,
  stop: [],
  ignoreEos: false,
  skipSpecialTokens: true,
  cacheSalt: '',
};
