import type { ChatRequest } from '../../../src/api/chat/index.ts';
import { parseChatRequest } from '../../../src/api/chat/index.ts';
import type { Capabilities, ModelInfo } from '../../../src/backend/index.ts';
import { samplerNames } from '../../../src/backend/sampling-settings.ts';
import { VserveError } from '../../../src/errors/index.ts';

export const hello = [{ role: 'user', content: 'hello' }];

/** Parses a request with these fields; `messages` is there if it is not given. */
export function parse(fields: object): ChatRequest {
  return parseChatRequest({ messages: hello, ...fields }, { allowExtraFields: false });
}

/** The error with which a request with these fields is refused. */
export function failureOf(fields: object): VserveError {
  try {
    parse(fields);
  } catch (error) {
    if (error instanceof VserveError) return error;
    throw error;
  }
  throw new Error('The request was not refused.');
}

/** Everything that a model can be asked for. */
export const everything: Required<Capabilities> = {
  vision: true,
  tools: true,
  structuredOutput: true,
  reasoning: true,
  logProbs: true,
  promptLogProbs: true,
  maxChoices: 4,
  answerControl: true,
  ignoreEos: true,
  prefill: true,
  progress: true,
  samplers: samplerNames,
  mirostat: true,
  embeddings: false,
  rawPrompts: true,
  imageBudgets: true,
};

export function infoWith(capabilities: Capabilities, samplingDefaults: ModelInfo['samplingDefaults'] = {}): ModelInfo {
  return { capabilities, samplingDefaults, contextLength: 100, maxBatchSize: 1, device: 'none' };
}
