import type { Answer } from '../../src/playground/requests/answer.ts';
import { newAnswer } from '../../src/playground/requests/answer.ts';
import type { Attachment } from '../../src/playground/requests/attachment.ts';
import type { Turn } from '../../src/playground/requests/conversation.ts';
import type { Model } from '../../src/playground/requests/model.ts';
import { DEFAULT_SETTINGS } from '../../src/playground/requests/settings.ts';
import type { Settings } from '../../src/playground/requests/settings.ts';

export const ableModel: Model = {
  id: 'org/model',
  contextLength: 4096,
  projector: undefined,
  takesImages: true,
  takesDocuments: true,
  reasons: true,
  hasStructuredOutput: true,
  reportsProgress: true,
  hasImageDetails: true,
};

export const plainModel: Model = {
  ...ableModel,
  takesImages: false,
  takesDocuments: false,
  reasons: false,
  hasStructuredOutput: false,
  reportsProgress: false,
  hasImageDetails: false,
};

export function settingsWith(changes: Partial<Settings> = {}): Settings {
  return { ...DEFAULT_SETTINGS, ...changes };
}

export function answered(text: string, changes: Partial<Answer> = {}): Answer {
  return { ...newAnswer(DEFAULT_SETTINGS), status: 'done', text, ...changes };
}

export const photo: Attachment = { id: 'p', kind: 'image', name: "cat's.png", type: 'image/png', sizeBytes: 3 };
export const scan: Attachment = { id: 's', kind: 'document', name: 'scan.pdf', type: 'application/pdf', sizeBytes: 3 };

export function turnOf(question: string, ...answers: readonly Answer[]): Turn {
  return { id: question, question, attachments: [], answers };
}
