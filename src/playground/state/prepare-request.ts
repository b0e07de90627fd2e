import type { Attachment } from '../requests/attachment.ts';
import { chatRequest } from '../requests/chat-request.ts';
import type { Conversation, Turn } from '../requests/conversation.ts';
import type { JsonRecord } from '../requests/json.ts';
import type { Model } from '../requests/model.ts';
import type { Settings } from '../requests/settings.ts';
import { dataUriOf } from '../storage/data-uri.ts';
import { findFile } from '../storage/files.ts';

export interface RequestPlace {
  readonly model: Model;
  readonly conversation: Conversation;
  readonly turn: Turn;
  readonly column: number;
  readonly settings: Settings;
}

/** The request of a question, with the bytes of its pictures. */
export async function prepareRequest(place: RequestPlace): Promise<JsonRecord> {
  const urls = new Map<string, string>();
  for (const attachment of attachmentsOf(place)) {
    const blob = await findFile(attachment.id);
    if (blob !== undefined) urls.set(attachment.id, await dataUriOf(blob, attachment.type));
  }
  return requestWith(place, ({ id }) => urls.get(id));
}

/** The request of a question, with these addresses for its pictures. */
export function requestWith(
  { model, conversation, turn, column, settings }: RequestPlace,
  urlOf: (attachment: Attachment) => string | undefined,
): JsonRecord {
  const { question, attachments } = turn;
  const history = turnsBefore(conversation, turn);
  return chatRequest({ model, settings, history, column, question, attachments, urlOf });
}

/** The attachments of a question and of those before it, in order. */
export function attachmentsOf({ conversation, turn }: RequestPlace): readonly Attachment[] {
  return [...turnsBefore(conversation, turn), turn].flatMap(({ attachments }) => attachments);
}

function turnsBefore({ turns }: Conversation, turn: Turn): readonly Turn[] {
  const index = turns.findIndex(({ id }) => id === turn.id);
  return index === -1 ? turns : turns.slice(0, index);
}
