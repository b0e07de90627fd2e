import { database } from './database.ts';

/** Bytes of attachments that are in use, by id: the browser may keep no others. */
const held = new Map<string, Blob>();

/** Holds the bytes of an attachment that is not part of a conversation yet. */
export function holdFile(id: string, blob: Blob): void {
  held.set(id, blob);
}

export function dropFile(id: string): void {
  held.delete(id);
}

/** Keeps the bytes of an attachment with its conversation. A full disk leaves it in memory. */
export async function keepFile(id: string, conversationId: string): Promise<void> {
  const blob = held.get(id);
  if (blob === undefined) return;
  await (await database())?.put('files', { id, conversationId, blob }).catch(() => undefined);
}

/** The bytes of an attachment; undefined if they are no longer kept. */
export async function findFile(id: string): Promise<Blob | undefined> {
  const inMemory = held.get(id);
  if (inMemory !== undefined) return inMemory;
  const stored = await (await database())?.get('files', id);
  if (stored !== undefined) held.set(id, stored.blob);
  return stored?.blob;
}

/** Deletes the files of a conversation. */
export async function deleteFiles(conversationId: string): Promise<void> {
  const stored = await database();
  for (const id of (await stored?.getAllKeysFromIndex('files', 'conversationId', conversationId)) ?? []) {
    held.delete(id);
    await stored?.delete('files', id);
  }
}
