export type { ChatRequest, StreamUsage } from './chat-request.ts';
export { toCompletion } from './completion.ts';
export type { CompletionIdentity } from './completion.ts';
export { toChunks } from './completion-chunks.ts';
export type { ChunkJson } from './completion-chunks.ts';
export { parseChatRequest } from './parse-chat-request.ts';
