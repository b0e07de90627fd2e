import { openaiErrors } from '../error-format.ts';
import type { WireFormat } from '../wire-format.ts';
import type { CompletionRequest } from './completion-request.ts';
import { parseCompletionRequest, promptsOf } from './parse-completion-request.ts';
import { COMPLETION_SCHEMAS } from './schemas.ts';
import { toTextCompletion } from './text-completion.ts';
import { TextWriter } from './text-writer.ts';

/** OpenAI's legacy Completions. */
export const completionFormat: WireFormat<CompletionRequest> = {
  idPrefix: 'cmpl-',
  framing: 'sse',
  parse: parseCompletionRequest,
  generations: promptsOf,
  answer: (identity, events, { answer }) => toTextCompletion(identity, events, answer),
  writer: (identity, { answer, imageDetails = false }) => new TextWriter(identity, answer, imageDetails),
  errors: openaiErrors,
  schemas: COMPLETION_SCHEMAS,
};
