import { computed, signal } from '@preact/signals';
import type { Answer } from '../requests/answer.ts';
import { withAnswer } from '../requests/conversation.ts';
import type { Conversation } from '../requests/conversation.ts';
import { DEFAULT_SETTINGS } from '../requests/settings.ts';
import type { Settings } from '../requests/settings.ts';
import { boundFiles, deleteConversation, loadConversations, saveConversation } from '../storage/conversations.ts';
import { newId } from './ids.ts';

const SAVE_DELAY_MS = 300;

/** All conversations, the latest first. The first may be new: nothing was asked in it. */
export const conversations = signal<readonly Conversation[]>([newConversation([DEFAULT_SETTINGS])]);

export const currentId = signal(conversations.value[0]?.id ?? '');

export const current = computed(
  () => conversations.value.find(({ id }) => id === currentId.value) ?? newConversation([DEFAULT_SETTINGS]),
);

/** The browser keeps nothing, or nothing more. */
export const isUnsaved = signal(false);

/** Loads what the browser keeps, and opens the latest. */
export async function openConversations(): Promise<void> {
  const stored = await loadConversations().catch(() => []);
  const [latest] = stored;
  if (latest === undefined) return;
  const started = conversations.value.filter(({ turns }) => turns.length > 0);
  conversations.value = [...started, ...stored];
  if (started.length === 0) currentId.value = latest.id;
}

function newConversation(columns: readonly Settings[]): Conversation {
  return { id: newId(), title: '', updatedAt: Date.now(), columns, turns: [] };
}

/** Opens a new conversation with the settings of the current one. */
export function startConversation(): void {
  const { columns } = current.value;
  const started = conversations.value.filter(({ turns }) => turns.length > 0);
  const fresh = newConversation(columns);
  conversations.value = [fresh, ...started];
  currentId.value = fresh.id;
}

export function openConversation(id: string): void {
  currentId.value = id;
}

export function changeConversation(id: string, change: (conversation: Conversation) => Conversation): void {
  conversations.value = conversations.value.map((conversation) =>
    conversation.id === id ? change(conversation) : conversation,
  );
}

/** Moves a conversation to the top of the list. */
export function touchConversation(id: string): void {
  const touched = conversations.value.filter((conversation) => conversation.id === id);
  const others = conversations.value.filter((conversation) => conversation.id !== id);
  conversations.value = [...touched.map((conversation) => ({ ...conversation, updatedAt: Date.now() })), ...others];
}

export function showAnswer(
  id: string,
  place: { readonly turnId: string; readonly column: number },
  answer: Answer,
): void {
  changeConversation(id, (conversation) => ({ ...conversation, turns: withAnswer(conversation.turns, place, answer) }));
}

export async function removeConversation(id: string): Promise<void> {
  await deleteConversation(id).catch(() => undefined);
  conversations.value = conversations.value.filter((conversation) => conversation.id !== id);
  if (currentId.value !== id) return;
  const [next] = conversations.value;
  if (next === undefined) startConversation();
  else currentId.value = next.id;
}

/** Keeps a conversation in the browser. One without a question is not worth it. */
export async function keepConversation(id: string): Promise<void> {
  const conversation = conversations.value.find((candidate) => candidate.id === id);
  if (conversation === undefined || conversation.turns.length === 0) return;
  isUnsaved.value = await saveConversation(conversation).then(
    () => false,
    () => true,
  );
}

export function freeSpace(): Promise<void> {
  return boundFiles(conversations.value);
}

let saving: ReturnType<typeof setTimeout> | undefined;

/** Changes the settings of the current conversation, and keeps them when there is a pause. */
export function changeColumns(change: (columns: readonly Settings[]) => readonly Settings[]): void {
  const { id } = current.value;
  changeConversation(id, (conversation) => ({ ...conversation, columns: change(conversation.columns) }));
  clearTimeout(saving);
  saving = setTimeout(() => void keepConversation(id), SAVE_DELAY_MS);
}

export function changeSettings(column: number, changes: Partial<Settings>): void {
  changeColumns((columns) =>
    columns.map((settings, index) => (index === column ? { ...settings, ...changes } : settings)),
  );
}

/** Two columns, the second like the first to begin with; or one. */
export function compareSettings(isComparing: boolean): void {
  changeColumns(([first = DEFAULT_SETTINGS]) => (isComparing ? [first, first] : [first]));
}

export function renameConversation(id: string, title: string): void {
  changeConversation(id, (conversation) => ({ ...conversation, title }));
  void keepConversation(id);
}
