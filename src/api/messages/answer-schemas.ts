import { z } from 'zod';
import { imageDetailsSchema } from '../answer/image-details.ts';

const block = z.union([
  z.object({ type: z.literal('thinking'), thinking: z.string(), signature: z.string() }),
  z.object({ type: z.literal('text'), text: z.string(), citations: z.null() }),
  z.object({
    type: z.literal('tool_use'),
    id: z.string(),
    name: z.string(),
    input: z.unknown(),
    caller: z.object({ type: z.literal('direct') }),
  }),
]);

const deltaUsage = z.object({
  input_tokens: z.int(),
  cache_creation_input_tokens: z.int(),
  cache_read_input_tokens: z.int(),
  output_tokens: z.int(),
  output_tokens_details: z.object({ thinking_tokens: z.int() }),
  server_tool_use: z.null(),
});

const usage = deltaUsage.extend({
  cache_creation: z.object({ ephemeral_5m_input_tokens: z.int(), ephemeral_1h_input_tokens: z.int() }),
  inference_geo: z.null(),
  service_tier: z.literal('standard'),
  speed: z.null(),
});

const ending = {
  stop_reason: z
    .enum(['end_turn', 'max_tokens', 'stop_sequence', 'tool_use', 'model_context_window_exceeded'])
    .nullable(),
  stop_sequence: z.string().nullable(),
  stop_details: z.null(),
  container: z.null(),
};

/** Where they are asked for. */
const imageDetails = { image_details: z.array(imageDetailsSchema).optional() };

/** Anthropic's message. */
export const messageSchema = z.object({
  id: z.string(),
  type: z.literal('message'),
  role: z.literal('assistant'),
  model: z.string(),
  content: z.array(block),
  ...ending,
  diagnostics: z.null(),
  usage,
  ...imageDetails,
});

const delta = z.union([
  z.object({ type: z.literal('text_delta'), text: z.string() }),
  z.object({ type: z.literal('thinking_delta'), thinking: z.string() }),
  z.object({ type: z.literal('signature_delta'), signature: z.string() }),
  z.object({ type: z.literal('input_json_delta'), partial_json: z.string() }),
]);

/** The data of Anthropic's events. */
export const eventSchema = z.union([
  z.object({ type: z.literal('message_start'), message: messageSchema }),
  z.object({ type: z.literal('ping') }),
  z.object({ type: z.literal('content_block_start'), index: z.int(), content_block: block }),
  z.object({ type: z.literal('content_block_delta'), index: z.int(), delta }),
  z.object({ type: z.literal('content_block_stop'), index: z.int() }),
  z.object({ type: z.literal('message_delta'), delta: z.object(ending), usage: deltaUsage, ...imageDetails }),
  z.object({ type: z.literal('message_stop') }),
]);
