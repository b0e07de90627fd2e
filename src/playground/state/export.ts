import type { Conversation } from '../requests/conversation.ts';
import { dataUriOf } from '../storage/data-uri.ts';
import { findFile } from '../storage/files.ts';

/** Saves a conversation as a JSON file, with its pictures as data URIs. */
export async function exportConversation(conversation: Conversation): Promise<void> {
  const urls: Record<string, string> = {};
  for (const { id, type } of conversation.turns.flatMap(({ attachments }) => attachments)) {
    const blob = await findFile(id);
    if (blob !== undefined) urls[id] = await dataUriOf(blob, type);
  }
  const turns = conversation.turns.map((turn) => ({
    ...turn,
    attachments: turn.attachments.map((attachment) => ({ ...attachment, url: urls[attachment.id] ?? null })),
  }));
  save(`${fileName(conversation.title)}.json`, JSON.stringify({ ...conversation, turns }, null, 2));
}

function fileName(title: string): string {
  return title.replaceAll(/[^\p{L}\p{N}]+/gu, '-').replaceAll(/^-|-$/g, '') || 'conversation';
}

function save(name: string, json: string): void {
  const url = URL.createObjectURL(new Blob([json], { type: 'application/json' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // The download begins in a task of its own.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
