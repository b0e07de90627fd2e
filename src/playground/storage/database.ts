import { openDB } from 'idb';
import type { DBSchema, IDBPDatabase } from 'idb';
import type { Conversation } from '../requests/conversation.ts';

/** The bytes of an attachment. */
export interface StoredFile {
  readonly id: string;
  readonly conversationId: string;
  readonly blob: Blob;
}

interface Schema extends DBSchema {
  conversations: { key: string; value: Conversation };
  files: { key: string; value: StoredFile; indexes: { conversationId: string } };
}

export type Database = IDBPDatabase<Schema>;

let opening: Promise<Database | undefined> | undefined;

/** The browser's database; undefined where it keeps none, as in some private windows. */
export function database(): Promise<Database | undefined> {
  opening ??= openDB<Schema>('vserve-playground', 1, {
    upgrade(created) {
      created.createObjectStore('conversations', { keyPath: 'id' });
      created.createObjectStore('files', { keyPath: 'id' }).createIndex('conversationId', 'conversationId');
    },
  }).catch(() => undefined);
  return opening;
}
