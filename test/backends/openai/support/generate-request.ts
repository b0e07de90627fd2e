import { GENERATION_DEFAULTS, SAMPLING_DEFAULTS } from '../../../../src/api/request-defaults.ts';
import type { GenerateRequest } from '../../../../src/backend/index.ts';

/** A request that says "Hi", but for some changes. */
export function generateRequest(changes: Partial<GenerateRequest> = {}): GenerateRequest {
  return {
    ...GENERATION_DEFAULTS,
    messages: [{ role: 'user', content: [{ type: 'text', text: 'Hi' }] }],
    template: { variables: {}, addGenerationPrompt: true, continueFinalMessage: false },
    sampling: SAMPLING_DEFAULTS,
    askedSampling: {},
    ...changes,
  };
}
