/** A picture or a document of a question. Its bytes are kept apart, under its id. */
export interface Attachment {
  readonly id: string;
  readonly kind: 'image' | 'document';
  readonly name: string;
  readonly type: string;
  readonly sizeBytes: number;
  /** In pixels, where the browser can decode it. */
  readonly width?: number;
  readonly height?: number;
}

const DOCUMENT_TYPES = new Set(['application/pdf']);
/** Browsers do not know the types of all files that cameras write. */
const TYPES_BY_ENDING: Readonly<Record<string, string>> = {
  heic: 'image/heic',
  heif: 'image/heif',
  avif: 'image/avif',
  pdf: 'application/pdf',
};

/** The type of a file; empty if nothing tells it. */
export function typeOf({ name, type }: { readonly name: string; readonly type: string }): string {
  return type === '' ? (TYPES_BY_ENDING[name.split('.').at(-1)?.toLowerCase() ?? ''] ?? '') : type;
}

/** What a file is to the model; undefined if it is nothing that can be sent. */
export function kindOf(type: string): Attachment['kind'] | undefined {
  if (type.startsWith('image/')) return 'image';
  return DOCUMENT_TYPES.has(type) ? 'document' : undefined;
}
