import type { ModelInfo } from '../../backend/index.ts';
import { openaiErrors } from '../error-format.ts';
import type { ModelFormat, WireFormat } from '../wire-format.ts';
import { LlamaWriter, toLlamaAnswer } from './llama-answer.ts';
import type { LlamaRequest } from './llama-request.ts';
import { llamaPromptsOf, parseLlamaRequest } from './llama-request.ts';
import { LLAMA_SCHEMAS } from './llama-schemas.ts';

/** llama-server's own completion, for whichever model. */
export const LLAMA_COMPLETION: ModelFormat<LlamaRequest> = {
  framing: 'sse',
  errors: openaiErrors,
  schemas: LLAMA_SCHEMAS,
  of: ({ info }) => llamaCompletionFormat(info),
};

/** llama-server's own completion: its answers tell all settings of the generation, the model's own included. */
export function llamaCompletionFormat(info: ModelInfo): WireFormat<LlamaRequest> {
  return {
    idPrefix: 'cmpl-',
    framing: 'sse',
    parse: (body, options) => parseLlamaRequest(body, options, info),
    generations: llamaPromptsOf,
    answer: (identity, events, request) => toLlamaAnswer(identity, events, request),
    writer: (identity, request) => new LlamaWriter(identity, request),
    errors: openaiErrors,
    schemas: LLAMA_SCHEMAS,
  };
}
