/** A file that a client has uploaded, and that its requests name by its id. */
export interface UploadedFile {
  readonly id: string;
  readonly name: string;
  /** As the client says. */
  readonly mediaType: string;
  /** What its first bytes say. */
  readonly kind: 'image' | 'pdf' | 'video' | 'other';
  /** Its bytes, in pieces that nobody changes. */
  readonly stored: readonly Uint8Array<ArrayBuffer>[];
}

/** Finds a file of the client of a request. Throws `file_not_found`, at `param`. */
export type FindFile = (id: string, param: string) => UploadedFile;

const TEXT_TYPE = /^(?:text\/|application\/(?:json|xml|yaml|x-yaml|markdown|x-ndjson)\b)/i;
const TEXT_NAME = /\.(?:txt|text|md|markdown|csv|tsv|json|jsonl|xml|html?|ya?ml|toml|ini|log|rst|tex)$/i;

export function isUploaded(source: unknown): source is UploadedFile {
  return typeof source === 'object' && source !== null && 'stored' in source;
}

/** Whether a file is a text by its media type or name. */
export function isTextFile(mediaType: string, name: string): boolean {
  return TEXT_TYPE.test(mediaType) || TEXT_NAME.test(name);
}
