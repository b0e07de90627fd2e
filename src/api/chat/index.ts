export type { AnswerSettings, ChatRequest, StreamUsage } from './chat-request.ts';
export { toChunks } from './chunk-texts.ts';
export { toCompletion } from './completion.ts';
export { parseChatRequest } from './parse-chat-request.ts';
