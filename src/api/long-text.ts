/**
 * A string of a request that is too long to be handled in one go: a data URI of megabytes. It stands where the string
 * stood in the JSON. What it says is the same; only that nothing needs to hold or scan all of it at a time.
 */
export class LongText {
  /** The text in UTF-8, cut between characters. Each piece owns its memory. */
  readonly pieces: readonly Uint8Array<ArrayBuffer>[];

  constructor(pieces: readonly Uint8Array<ArrayBuffer>[]) {
    this.pieces = pieces;
  }

  /** The text as a string. */
  toString(): string {
    return this.pieces.map((piece) => new TextDecoder('utf-8', { ignoreBOM: true }).decode(piece)).join('');
  }
}

/** A string of a request, however long it is; undefined for any other value. */
export function textOf(value: unknown): string | undefined {
  if (value instanceof LongText) return value.toString();
  return typeof value === 'string' ? value : undefined;
}
