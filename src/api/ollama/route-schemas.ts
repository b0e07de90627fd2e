import { z } from 'zod';
import { requestSchema } from '../request/request-schema.ts';
import type { RouteSchemas } from '../wire-format.ts';
import { EMBED_FIELDS, EMBEDDINGS_FIELDS } from './embed-request.ts';
import { shownModelSchema } from './model-schemas.ts';
import { NAMED_MODEL_FIELDS } from './named-model.ts';

const vector = z.array(z.number());

export const EMBED_SCHEMAS: RouteSchemas = {
  summary: "Embed texts, in Ollama's format",
  request: () => requestSchema(EMBED_FIELDS, {}, ['input']),
  answer: z.object({
    model: z.string(),
    embeddings: z.array(vector),
    total_duration: z.int(),
    load_duration: z.int(),
    prompt_eval_count: z.int(),
  }),
  example: { input: ['A circle.', 'A square.'] },
};

/** The older route, of one text. */
export const EMBEDDINGS_SCHEMAS: RouteSchemas = {
  summary: "Embed a text, in Ollama's older format",
  request: () => requestSchema(EMBEDDINGS_FIELDS, {}, ['prompt']),
  answer: z.object({ embedding: vector }),
  example: { prompt: 'A circle.' },
};

const namedModel = () => ({
  ...requestSchema(NAMED_MODEL_FIELDS, {}, []),
  anyOf: [
    { required: ['model'], properties: { model: { type: 'string', minLength: 1 } } },
    { required: ['name'], properties: { name: { type: 'string', minLength: 1 } } },
  ],
});

/** `model`: the served one. */
export function showSchemas(model: string): RouteSchemas {
  return {
    summary: "Describe the model, in Ollama's format",
    request: namedModel,
    answer: shownModelSchema,
    example: { model },
  };
}

/** `model`: the served one. */
export function pullSchemas(model: string): RouteSchemas {
  return {
    summary: 'Have a model ready: downloaded and loaded, if it is not yet',
    request: namedModel,
    answer: z.object({ status: z.string() }),
    event: z.object({ status: z.string() }),
    example: { model },
  };
}
