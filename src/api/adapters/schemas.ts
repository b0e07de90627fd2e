import { z } from 'zod';
import { requestSchema } from '../request/request-schema.ts';
import type { RouteSchemas } from '../wire-format.ts';
import { LOAD_ADAPTER_FIELDS, UNLOAD_ADAPTER_FIELDS } from './adapter-request.ts';

/** What became of an adapter. */
const adapterAnswerSchema = z.object({ status: z.literal('success'), message: z.string() });

export const LOAD_ADAPTER_SCHEMAS: RouteSchemas = {
  summary: 'Load a LoRA adapter',
  request: () => requestSchema(LOAD_ADAPTER_FIELDS, {}, ['lora_name', 'lora_path']),
  answer: adapterAnswerSchema,
  example: { lora_name: 'captions', lora_path: './captions-lora' },
};

export const UNLOAD_ADAPTER_SCHEMAS: RouteSchemas = {
  summary: 'Unload a LoRA adapter',
  request: () => requestSchema(UNLOAD_ADAPTER_FIELDS, {}, ['lora_name']),
  answer: adapterAnswerSchema,
  example: { lora_name: 'captions' },
};
