import { errorJson } from '../error-json.ts';
import type { ErrorFormat } from '../wire-format.ts';

interface OllamaErrorJson {
  readonly error: string;
}

function ollamaErrorJson(error: unknown): OllamaErrorJson {
  return { error: errorJson(error).error.message };
}

/** Ollama's: a text. */
export const ollamaErrors: ErrorFormat = {
  json: ollamaErrorJson,
  text: (error) => `${JSON.stringify(ollamaErrorJson(error))}\n`,
};
