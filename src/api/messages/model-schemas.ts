import { z } from 'zod';

const support = z.looseObject({ supported: z.boolean() });

/** Anthropic's model object. */
export const messagesModelSchema = z.object({
  type: z.literal('model'),
  id: z.string(),
  display_name: z.string(),
  created_at: z.string(),
  lifecycle: z.literal('active'),
  deprecated_at: z.null(),
  retires_at: z.null(),
  line: z.null(),
  max_input_tokens: z.int(),
  max_tokens: z.int(),
  capabilities: z.record(z.string(), support),
});

/** A page of Anthropic's list of models. */
export const messagesModelListSchema = z.object({
  data: z.array(messagesModelSchema),
  has_more: z.literal(false),
  first_id: z.string(),
  last_id: z.string(),
});
