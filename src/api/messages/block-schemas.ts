import { z } from 'zod';
import { argumentsSchema, documentOptionsSchema, sourceSchema } from '../request/content-schema.ts';

const text = z.object({ type: z.literal('text'), text: z.string() });
const image = z.object({ type: z.literal('image'), source: sourceSchema });
const title = z.string().nullish();
const document = z.object({
  type: z.literal('document'),
  source: z.union([
    z.object({ type: z.literal('text'), data: z.string() }),
    z.object({ type: z.literal('content'), content: z.union([z.string(), z.array(z.union([text, image]))]) }),
  ]),
  title,
  context: z.string().nullish(),
});
const fileDocument = z.object({
  type: z.literal('document'),
  source: sourceSchema,
  title,
  context: z.string().nullish(),
  ...documentOptionsSchema,
});
const searchResult = z.object({
  type: z.literal('search_result'),
  content: z.union([z.string(), z.array(text)]),
  source: z.string().nullish(),
  title,
});
const toolReference = z.object({ type: z.literal('tool_reference'), tool_name: z.string() });
const toolResult = z.object({
  type: z.literal('tool_result'),
  tool_use_id: z.string().min(1),
  content: z
    .union([z.string(), z.array(z.union([text, image, document, fileDocument, searchResult, toolReference]))])
    .nullish(),
  is_error: z.boolean().nullish(),
});
const toolUse = z.object({
  type: z.literal('tool_use'),
  id: z.string().min(1),
  name: z.string().min(1),
  input: argumentsSchema.nullish(),
});
const thinking = z.object({ type: z.literal('thinking'), thinking: z.string(), signature: z.unknown().optional() });
const redactedThinking = z.object({ type: z.literal('redacted_thinking'), data: z.unknown().optional() });

/** A text, or blocks of text. */
export const systemSchema = z.union([z.string(), z.array(text)]);

/** A turn of a conversation. */
export const turnSchema = z.union([
  z.object({
    role: z.literal('user'),
    content: z.union([z.string(), z.array(z.union([text, image, document, fileDocument, searchResult, toolResult]))]),
  }),
  z.object({
    role: z.literal('assistant'),
    content: z.union([z.string(), z.array(z.union([text, thinking, redactedThinking, toolUse]))]),
  }),
  z.object({ role: z.literal('system'), content: systemSchema }),
]);
