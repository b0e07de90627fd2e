import { VserveError } from '../errors/index.ts';

/** As much as the server takes of all texts that are no data. */
const MAX_TEXT_BYTES = 16 * 1024 * 1024;

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

  get byteLength(): number {
    return this.pieces.reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  /** The text as a string. */
  toString(): string {
    return this.pieces.map((piece) => new TextDecoder('utf-8', { ignoreBOM: true }).decode(piece)).join('');
  }
}

/** A string of a request; undefined for any other value. Throws `request_too_large` for what only an image may be. */
export function textOf(value: unknown): string | undefined {
  if (!(value instanceof LongText)) return typeof value === 'string' ? value : undefined;
  if (value.byteLength <= MAX_TEXT_BYTES) return value.toString();
  const mib = MAX_TEXT_BYTES / 1024 / 1024;
  const message = `A text of the request has more than ${String(mib)} MiB, which no conversation needs. Send less text.`;
  throw new VserveError('request_too_large', message);
}
