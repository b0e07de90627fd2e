import { z } from 'zod';
import { errorJson } from '../error-json.ts';
import type { ErrorFormat } from '../wire-format.ts';

const schema = z.object({ error: z.string() });

type OllamaErrorJson = z.infer<typeof schema>;

function ollamaErrorJson(error: unknown): OllamaErrorJson {
  return { error: errorJson(error).error.message };
}

/** Ollama's: a text. */
export const ollamaErrors: ErrorFormat = {
  json: ollamaErrorJson,
  schema,
  text: (error) => `${JSON.stringify(ollamaErrorJson(error))}\n`,
};
