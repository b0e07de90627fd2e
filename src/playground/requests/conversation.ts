import type { Answer } from './answer.ts';
import type { Attachment } from './attachment.ts';
import type { Settings } from './settings.ts';

/** A question and its answers: one for each of the settings that were compared. */
export interface Turn {
  readonly id: string;
  readonly question: string;
  readonly attachments: readonly Attachment[];
  readonly answers: readonly Answer[];
}

export interface Conversation {
  readonly id: string;
  /** Empty until the first question, or until it is named. */
  readonly title: string;
  /** Milliseconds since 1970. */
  readonly updatedAt: number;
  /** One, or two that are compared. */
  readonly columns: readonly Settings[];
  readonly turns: readonly Turn[];
}

/** What compared settings, and their answers, are called. */
export const COLUMN_NAMES = ['A', 'B'] as const;

const MAX_TITLE_LENGTH = 60;

/** A title for a conversation that begins with this question. */
export function titleOf(question: string, attachments: readonly Attachment[]): string {
  const line = question.trim().split('\n')[0] ?? '';
  const title = line === '' ? (attachments[0]?.name ?? 'Conversation') : line;
  return title.length > MAX_TITLE_LENGTH ? `${title.slice(0, MAX_TITLE_LENGTH - 1)}…` : title;
}

/** The turns with another answer in one place. Other turns stay the same objects. */
export function withAnswer(
  turns: readonly Turn[],
  { turnId, column }: { readonly turnId: string; readonly column: number },
  answer: Answer,
): readonly Turn[] {
  return turns.map((turn) => (turn.id === turnId ? { ...turn, answers: turn.answers.with(column, answer) } : turn));
}

/** The answer of a turn that the conversation of a column goes on from. */
export function answerIn({ answers }: Turn, column: number): Answer | undefined {
  return answers[column] ?? answers[0];
}
