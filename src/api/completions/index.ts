export { completionFormat } from './completion-format.ts';
export { LLAMA_COMPLETION, llamaCompletionFormat } from './llama-format.ts';
export type { AnswerSettings, CompletionRequest, Echo } from './completion-request.ts';
export { parseCompletionRequest } from './parse-completion-request.ts';
