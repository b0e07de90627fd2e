import { readAnswer } from '../requests/answer.ts';
import type { Conversation, Turn } from '../requests/conversation.ts';
import { readSettings } from '../requests/settings.ts';
import { database } from './database.ts';
import { conversationsToStrip, MAX_CONVERSATIONS } from './kept-files.ts';
import { deleteFiles } from './files.ts';

/** All conversations, the latest first. Older ones than are kept are deleted. */
export async function loadConversations(): Promise<readonly Conversation[]> {
  const stored = (await (await database())?.getAll('conversations')) ?? [];
  const latestFirst = stored.map(readConversation).toSorted((a, b) => b.updatedAt - a.updatedAt);
  for (const { id } of latestFirst.slice(MAX_CONVERSATIONS)) await deleteConversation(id);
  return latestFirst.slice(0, MAX_CONVERSATIONS);
}

function readConversation(stored: Conversation): Conversation {
  return { ...stored, columns: stored.columns.map(readSettings), turns: stored.turns.map(readTurn) };
}

function readTurn(turn: Turn): Turn {
  return { ...turn, answers: turn.answers.map(readAnswer) };
}

export async function saveConversation(conversation: Conversation): Promise<void> {
  await (await database())?.put('conversations', conversation);
}

export async function deleteConversation(id: string): Promise<void> {
  await (await database())?.delete('conversations', id);
  await deleteFiles(id);
}

/** Frees space: deletes the files of conversations that were left alone longest. Their texts stay. */
export async function boundFiles(conversations: readonly Conversation[]): Promise<void> {
  const uses = conversations.map(({ id, updatedAt, turns }) => ({
    conversationId: id,
    updatedAt,
    sizeBytes: turns.flatMap(({ attachments }) => attachments).reduce((total, { sizeBytes }) => total + sizeBytes, 0),
  }));
  for (const id of conversationsToStrip(uses)) await deleteFiles(id);
}
