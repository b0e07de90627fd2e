import { VserveError } from '../../errors/index.ts';

/** The limit of all other text in a request, too. */
const MAX_TEXT_BYTES = 16 * 1024 * 1024;

/**
 * A string that is too long to handle in one go, such as a data URI of megabytes. It takes the place of the string in the
 * JSON and has the same contents, but never needs to be held or scanned as a whole.
 */
export class LongText {
  /** The string in UTF-8, cut between characters. Each piece owns its memory. */
  readonly pieces: readonly Uint8Array<ArrayBuffer>[];
  #isKept: boolean;

  constructor(pieces: readonly Uint8Array<ArrayBuffer>[], { isKept = false } = {}) {
    this.pieces = pieces;
    this.#isKept = isKept;
  }

  /** Whether it is needed after the request. The memory of another moves to the thread that decodes it. */
  get isKept(): boolean {
    return this.#isKept;
  }

  keep(): void {
    this.#isKept = true;
  }

  get byteLength(): number {
    return this.pieces.reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  /** As it was in the request. */
  toJSON(): string {
    return this.toString();
  }

  toString(): string {
    return this.pieces.map((piece) => new TextDecoder('utf-8', { ignoreBOM: true }).decode(piece)).join('');
  }
}

/** Keeps all long texts of a JSON value, however deep they are. */
export function keepLongTexts(value: unknown): void {
  const rest = [value];
  while (rest.length > 0) {
    const next = rest.pop();
    if (next instanceof LongText) next.keep();
    else if (typeof next === 'object' && next !== null) for (const item of Object.values(next)) rest.push(item);
  }
}

/** The string, or undefined for any other value. Throws `request_too_large` for more than a text may have. */
export function textOf(value: unknown): string | undefined {
  if (!(value instanceof LongText)) return typeof value === 'string' ? value : undefined;
  if (value.byteLength <= MAX_TEXT_BYTES) return value.toString();
  const mib = MAX_TEXT_BYTES / 1024 / 1024;
  const message = `A string of the request is larger than ${String(mib)} MiB, the limit for text. Send less text.`;
  throw new VserveError('request_too_large', message);
}
