import { z } from 'zod';
import { capabilityWord, detailsSchema } from '../model/schemas.ts';

const listed = z.object({
  name: z.string(),
  model: z.string(),
  modified_at: z.string(),
  size: z.int(),
  digest: z.string(),
  details: detailsSchema,
  capabilities: z.array(capabilityWord),
});

/** `/api/tags` */
export const tagsSchema = z.object({ models: z.array(listed) });

/** `/api/ps` */
export const runningSchema = z.object({
  models: z.array(
    listed
      .omit({ modified_at: true, capabilities: true })
      .extend({ expires_at: z.string(), size_vram: z.int(), context_length: z.int() }),
  ),
});

/** `/api/show` */
export const shownModelSchema = z.object({
  modelfile: z.string(),
  parameters: z.string(),
  template: z.string(),
  details: detailsSchema,
  model_info: z.record(z.string(), z.union([z.string(), z.number()])),
  capabilities: z.array(capabilityWord),
  modified_at: z.string(),
});

/** `/api/version` */
export const versionSchema = z.object({ version: z.string(), vserve: z.string() });
