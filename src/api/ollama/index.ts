export { ollamaErrors } from './errors.ts';
export { ollamaChatFormat, ollamaGenerateFormat } from './formats.ts';
export { runningJson, showJson, tagsJson } from './model-answers.ts';
export { readModelName } from './named-model.ts';
export type { OllamaModel, OllamaRequest } from './ollama-request.ts';
