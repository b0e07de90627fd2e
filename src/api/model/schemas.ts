import { z } from 'zod';

/** Of `DetailsJson`. */
export const detailsSchema = z.object({
  parent_model: z.string(),
  format: z.literal('gguf'),
  family: z.string(),
  families: z.array(z.string()),
  parameter_size: z.string(),
  quantization_level: z.string(),
  context_length: z.int(),
  embedding_length: z.int().optional(),
});

export const capabilityWord = z.enum(['completion', 'vision', 'tools', 'thinking', 'embedding']);
const capabilities = z.array(z.enum([...capabilityWord.options, 'multimodal', 'structured_output']));

const statusSchema = z.object({
  value: z.enum(['unloaded', 'loading', 'loaded']),
  progress: z.number().min(0).max(1).optional(),
  stage: z.string().optional(),
  failed: z.literal(true).optional(),
});

/** Of `ModelJson`. */
export const modelSchema = z.object({
  id: z.string(),
  object: z.literal('model'),
  created: z.int(),
  owned_by: z.literal('vserve'),
  max_model_len: z.int(),
  root: z.string(),
  parent: z.string().nullable(),
  name: z.string(),
  context_length: z.int(),
  architecture: z.object({
    modality: z.enum(['text->text', 'text+image->text']),
    input_modalities: z.array(z.enum(['text', 'image', 'file'])),
    output_modalities: z.array(z.literal('text')),
    tokenizer: z.string().optional(),
    projector: z.string().optional(),
  }),
  supported_parameters: z.array(z.string()),
  top_provider: z.object({
    context_length: z.int(),
    max_completion_tokens: z.int(),
    is_moderated: z.literal(false),
  }),
  meta: z.object({
    n_ctx: z.int(),
    n_ctx_train: z.int().optional(),
    n_vocab: z.int().optional(),
    n_embd: z.int().optional(),
    n_params: z.int().optional(),
    size: z.int().optional(),
    ftype: z.string().optional(),
  }),
  capabilities,
  details: detailsSchema,
  status: statusSchema.optional(),
});

/** Of `BareModelJson`. */
export const bareModelSchema = modelSchema.pick({
  id: true,
  object: true,
  created: true,
  owned_by: true,
  root: true,
  parent: true,
  name: true,
  status: true,
});

/** Of `ModelListJson`. */
export const modelListSchema = z.object({
  object: z.literal('list'),
  data: z.array(z.union([modelSchema, bareModelSchema])),
  models: z.array(
    z.object({
      name: z.string(),
      model: z.string(),
      modified_at: z.string(),
      size: z.int(),
      digest: z.string(),
      type: z.literal('model'),
      description: z.string(),
      tags: z.array(z.string()),
      capabilities,
      parameters: z.string(),
      details: detailsSchema,
    }),
  ),
});

/** Of `PropsJson`. */
export const propsSchema = z.object({
  default_generation_settings: z.object({ params: z.looseObject({}), n_ctx: z.int() }),
  total_slots: z.int(),
  model_alias: z.string(),
  model_path: z.string(),
  model_ftype: z.string().optional(),
  modalities: z.object({ vision: z.boolean(), audio: z.literal(false), video: z.literal(false) }),
  endpoint_slots: z.boolean(),
  endpoint_props: z.literal(false),
  endpoint_metrics: z.literal(false),
  chat_template: z.string().optional(),
  chat_template_caps: z.object({ supports_tools: z.boolean(), supports_tool_calls: z.boolean() }),
  bos_token: z.string().optional(),
  eos_token: z.string().optional(),
  build_info: z.string(),
  is_sleeping: z.boolean(),
});

/** Of `RouterPropsJson`. */
export const routerPropsSchema = z.object({
  role: z.literal('router'),
  max_instances: z.int().nullable(),
  models_autoload: z.literal(true),
  build_info: z.string(),
});

/** Of `SlotJson`s. */
export const slotsSchema = z.array(
  z.object({
    id: z.int(),
    n_ctx: z.int(),
    speculative: z.literal(false),
    is_processing: z.boolean(),
    id_task: z.int().optional(),
    n_prompt_tokens: z.int().optional(),
    n_prompt_tokens_processed: z.int().optional(),
    n_prompt_tokens_cache: z.int().optional(),
    next_token: z.array(z.object({ has_next_token: z.boolean(), n_remain: z.int(), n_decoded: z.int() })),
  }),
);
