import { parseChatRequest, parseGenerateRequest } from '../../../src/api/ollama/parse-request.ts';
import type { OllamaModel, OllamaRequest } from '../../../src/api/ollama/index.ts';
import { VserveError } from '../../../src/errors/index.ts';
import { everything, infoWith } from '../chat/support.ts';

export const model: OllamaModel = { name: 'org/model', info: { ...infoWith(everything), contextLength: 4096 } };
const strict = { allowExtraFields: false };

/** Parses a body of `/api/chat`; `messages` are there if they are not given. */
export function parseChat(fields: object, served = model): OllamaRequest {
  return parseChatRequest(
    { model: 'org/model', messages: [{ role: 'user', content: 'hi' }], ...fields },
    strict,
    served,
  );
}

/** Parses a body of `/api/generate`; a prompt is there if it is not given. */
export function parseGenerate(fields: object, served = model): OllamaRequest {
  return parseGenerateRequest({ model: 'org/model', prompt: 'hi', ...fields }, strict, served);
}

/** The code, field and message of the error with which a request is refused. */
export function failureOf(parse: () => unknown): [code: string, param: string | undefined, message: string] {
  try {
    parse();
  } catch (error) {
    if (error instanceof VserveError) return [error.code, error.param, error.message];
    throw error;
  }
  throw new Error('The request was not refused.');
}
