export { chatFormat } from './chat-format.ts';
export type { AnswerSettings, ChatRequest } from './chat-request.ts';
export { ChunkWriter } from './chunk-writer.ts';
export { toCompletion } from './completion.ts';
export { parseChatRequest } from './parse-chat-request.ts';
