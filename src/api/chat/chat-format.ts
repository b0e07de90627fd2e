import { openaiErrors } from '../error-format.ts';
import type { WireFormat } from '../wire-format.ts';
import type { ChatRequest } from './chat-request.ts';
import { ChunkWriter } from './chunk-writer.ts';
import { toCompletion } from './completion.ts';
import { parseChatRequest } from './parse-chat-request.ts';
import { CHAT_SCHEMAS } from './schemas.ts';

/** OpenAI's Chat Completions. */
export const chatFormat: WireFormat<ChatRequest> = {
  idPrefix: 'chatcmpl-',
  framing: 'sse',
  parse: parseChatRequest,
  answer: (identity, events, { answer }) => toCompletion(identity, events, answer),
  writer: (identity, { answer, imageDetails = false }) => new ChunkWriter(identity, answer, imageDetails),
  errors: openaiErrors,
  schemas: CHAT_SCHEMAS,
};
