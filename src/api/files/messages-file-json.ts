import type { z } from 'zod';
import type { ListedFile } from './file-json.ts';
import type { messagesDeletedFileSchema, messagesFilePageSchema, messagesFileSchema } from './schemas.ts';

/** Anthropic's metadata of a file. */
export function messagesFileJson(file: ListedFile): z.infer<typeof messagesFileSchema> {
  return {
    id: file.id,
    type: 'file',
    filename: file.name,
    mime_type: file.mediaType,
    size_bytes: file.bytes,
    created_at: timeText(file.createdAtS),
    expires_at: file.expiresAtS === undefined ? null : timeText(file.expiresAtS),
    downloadable: true,
  };
}

/** Anthropic's page of a list. The id of its last file is what the next page is asked for with. */
export function messagesFilePageJson(
  files: readonly ListedFile[],
  hasMore: boolean,
): z.infer<typeof messagesFilePageSchema> {
  const lastId = files.at(-1)?.id ?? null;
  return {
    data: files.map(messagesFileJson),
    first_id: files[0]?.id ?? null,
    last_id: lastId,
    has_more: hasMore,
    next_page: hasMore ? lastId : null,
  };
}

export function messagesDeletedFileJson(id: string): z.infer<typeof messagesDeletedFileSchema> {
  return { id, type: 'file_deleted' };
}

/** RFC 3339. */
function timeText(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}
