import { signal } from '@preact/signals';
import { kindOf, typeOf } from '../requests/attachment.ts';
import type { Attachment } from '../requests/attachment.ts';
import type { Size } from '../requests/figures.ts';
import { dropFile, holdFile } from '../storage/files.ts';
import { announce } from './announcements.ts';
import { newId } from './ids.ts';
import { model } from './server.ts';

export const question = signal('');
export const attachments = signal<readonly Attachment[]>([]);
/** Why files were not attached; empty if all were. */
export const attachProblem = signal('');

/** Attaches what the model can take of these files, and tells what it cannot. */
export async function attach(files: Iterable<File>): Promise<void> {
  const all = [...files];
  const refused = all.filter((file) => !isTaken(file));
  attachProblem.value = refused.length === 0 ? '' : problemWith(refused);
  for (const file of all.filter(isTaken)) {
    const attachment = await attachmentOf(file);
    attachments.value = [...attachments.value, attachment];
    announce(`${attachment.name} attached`);
  }
}

export function detach(id: string): void {
  attachments.value = attachments.value.filter((attachment) => attachment.id !== id);
  dropFile(id);
}

/** The question and its attachments, which the next question begins without. */
export function takeDraft(): { readonly question: string; readonly attachments: readonly Attachment[] } {
  const taken = { question: question.value, attachments: attachments.value };
  question.value = '';
  attachments.value = [];
  attachProblem.value = '';
  return taken;
}

/** Before the model is known, everything may be attached that any takes. */
function isTaken(file: File): boolean {
  const kind = kindOf(typeOf(file));
  if (kind === 'image') return model.value?.takesImages !== false;
  return kind === 'document' && model.value?.takesDocuments !== false;
}

function problemWith(files: readonly File[]): string {
  const names = files.map(({ name }) => name).join(', ');
  return `${names} cannot be sent: this model takes ${takenKinds()}.`;
}

function takenKinds(): string {
  const kinds = [
    ...(model.value?.takesImages === true ? ['pictures'] : []),
    ...(model.value?.takesDocuments === true ? ['PDFs'] : []),
  ];
  return kinds.length === 0 ? 'text only' : kinds.join(' and ');
}

async function attachmentOf(file: File): Promise<Attachment> {
  const type = typeOf(file);
  const id = newId();
  holdFile(id, file);
  const kind = kindOf(type) ?? 'document';
  const size = kind === 'image' ? await sizeOf(file) : undefined;
  return { id, kind, name: file.name, type, sizeBytes: file.size, ...size };
}

/** The size of a picture; undefined if the browser cannot decode it, which the server may nevertheless. */
async function sizeOf(file: Blob): Promise<Size | undefined> {
  const bitmap = await createImageBitmap(file).catch(() => undefined);
  const size = bitmap && { width: bitmap.width, height: bitmap.height };
  bitmap?.close();
  return size;
}
