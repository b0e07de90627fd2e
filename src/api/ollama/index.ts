export type { OllamaEmbedRequest } from './embed-request.ts';
export { parseEmbedRequest } from './embed-request.ts';
export { embedJson } from './embeddings.ts';
export { ollamaErrors } from './errors.ts';
export { ollamaChatFormat, ollamaGenerateFormat } from './formats.ts';
export { runningJson, showJson, tagsJson } from './model-answers.ts';
export { readModelName } from './named-model.ts';
export type { OllamaModel, OllamaRequest } from './ollama-request.ts';
