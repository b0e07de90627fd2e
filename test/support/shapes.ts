import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export const shapesCheckpointDir = join(import.meta.dirname, '../models/shapes-vlm');
export const referenceDir = join(import.meta.dirname, '../fixtures/shapes-vlm-reference');

export interface ReferenceCase {
  readonly id: string;
  readonly messages: readonly {
    readonly role: 'user' | 'assistant';
    readonly content: readonly (
      { readonly type: 'text'; readonly text: string } | { readonly type: 'image'; readonly image: string }
    )[];
  }[];
  readonly prompt_tokens: number;
  /** What transformers answers. */
  readonly expected: string;
  readonly completion_tokens: number;
}

/** Conversations with the answers of Hugging Face transformers: see test/fixtures/README.md. */
export const referenceCases = JSON.parse(
  readFileSync(join(referenceDir, 'cases.json'), 'utf8'),
) as readonly ReferenceCase[];

export function referenceCase(id: string): ReferenceCase {
  const found = referenceCases.find((candidate) => candidate.id === id);
  if (found === undefined) throw new Error(`There is no reference case ${id}`);
  return found;
}

/** The MIME type of a reference picture. */
export function pictureType(name: string): string {
  const extension = name.slice(name.lastIndexOf('.') + 1);
  return `image/${extension === 'jpg' ? 'jpeg' : extension}`;
}

export function pictureBytes(name: string): Buffer {
  return readFileSync(join(referenceDir, name));
}

/** A reference picture as a data URI. */
export function pictureDataUri(name: string): string {
  return `data:${pictureType(name)};base64,${pictureBytes(name).toString('base64')}`;
}
