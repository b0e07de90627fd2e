import type { z } from 'zod';
import type { FilePurpose } from './file-purposes.ts';
import type { deletedFileSchema, filePageSchema, fileSchema } from './schemas.ts';

/** What is told of a file. */
export interface ListedFile {
  readonly id: string;
  readonly name: string;
  readonly mediaType: string;
  readonly bytes: number;
  readonly purpose: FilePurpose;
  /** In seconds since 1970. */
  readonly createdAtS: number;
  readonly expiresAtS: number | undefined;
}

type FileJson = z.infer<typeof fileSchema>;

/** OpenAI's file object. */
export function fileJson({ id, name, bytes, purpose, createdAtS, expiresAtS }: ListedFile): FileJson {
  return {
    id,
    object: 'file',
    bytes,
    created_at: createdAtS,
    expires_at: expiresAtS ?? null,
    filename: name,
    purpose,
    status: 'processed',
    status_details: null,
  };
}

/** OpenAI's page of a list. */
export function filePageJson(files: readonly ListedFile[], hasMore: boolean): z.infer<typeof filePageSchema> {
  return {
    object: 'list',
    data: files.map(fileJson),
    first_id: files[0]?.id ?? null,
    last_id: files.at(-1)?.id ?? null,
    has_more: hasMore,
  };
}

export function deletedFileJson(id: string): z.infer<typeof deletedFileSchema> {
  return { id, object: 'file', deleted: true };
}
