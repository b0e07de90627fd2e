import { z } from 'zod';
import { FILE_PURPOSES } from './file-purposes.ts';

const purpose = z.enum(FILE_PURPOSES);

/** OpenAI's file object. */
export const fileSchema = z.object({
  id: z.string(),
  object: z.literal('file'),
  bytes: z.int(),
  created_at: z.int(),
  expires_at: z.int().nullable(),
  filename: z.string(),
  purpose,
  status: z.literal('processed'),
  status_details: z.null(),
});

export const filePageSchema = z.object({
  object: z.literal('list'),
  data: z.array(fileSchema),
  first_id: z.string().nullable(),
  last_id: z.string().nullable(),
  has_more: z.boolean(),
});

export const deletedFileSchema = z.object({ id: z.string(), object: z.literal('file'), deleted: z.literal(true) });

/** Anthropic's metadata of a file. */
export const messagesFileSchema = z.object({
  id: z.string(),
  type: z.literal('file'),
  filename: z.string(),
  mime_type: z.string(),
  size_bytes: z.int(),
  created_at: z.string(),
  expires_at: z.string().nullable(),
  downloadable: z.literal(true),
});

export const messagesFilePageSchema = z.object({
  data: z.array(messagesFileSchema),
  first_id: z.string().nullable(),
  last_id: z.string().nullable(),
  has_more: z.boolean(),
  next_page: z.string().nullable(),
});

export const messagesDeletedFileSchema = z.object({ id: z.string(), type: z.literal('file_deleted') });

/** The form of an upload, for the API's description. */
export const uploadFormSchema = z.object({
  file: z.string().meta({ contentMediaType: 'application/octet-stream', description: 'The bytes of the file.' }),
  purpose: purpose.optional().describe('Optional only for clients of Anthropic’s API.'),
  'expires_after[anchor]': z.literal('created_at').optional(),
  'expires_after[seconds]': z.int().min(3600).max(2_592_000).optional(),
  expires_in_seconds: z.int().min(3600).max(7_776_000).optional().describe('Of Anthropic’s API.'),
});
