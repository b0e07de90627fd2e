const LONGEST_OPEN_ESCAPE = 5;
const encoder = new TextEncoder();

/** Decodes the escapes of a JSON string that arrives in pieces, and stores it as UTF-8. */
export class LongTextWriter {
  readonly #pieces: Uint8Array<ArrayBuffer>[] = [];
  /** An incomplete escape sequence at the end of the last piece. */
  #openEscape = '';
  /** The first half of a surrogate pair at the end of the last piece. */
  #highSurrogate = '';

  /** Adds a piece of the string, without its quotes. Throws the `SyntaxError` of `JSON.parse`. */
  write(piece: string): void {
    const raw = this.#openEscape + piece;
    this.#openEscape = openEscapeOf(raw);
    const text =
      this.#highSurrogate + (JSON.parse(`"${raw.slice(0, raw.length - this.#openEscape.length)}"`) as string);
    this.#highSurrogate = /[\ud800-\udbff]$/.exec(text)?.[0] ?? '';
    const whole = text.slice(0, text.length - this.#highSurrogate.length);
    if (whole !== '') this.#pieces.push(encoder.encode(whole));
  }

  /** Whether the next piece can be decoded on its own. */
  get isBetweenCharacters(): boolean {
    return this.#openEscape === '' && this.#highSurrogate === '';
  }

  /** Adds ASCII without escapes as it is, taking over its memory. */
  writePlain(piece: Uint8Array<ArrayBuffer>): void {
    this.#pieces.push(piece);
  }

  /** The complete text. Throws a `SyntaxError` if it ends within an escape sequence. */
  end(): Uint8Array<ArrayBuffer>[] {
    if (this.#openEscape !== '') throw new SyntaxError('Bad escape in a string');
    if (this.#highSurrogate !== '') this.#pieces.push(encoder.encode(this.#highSurrogate));
    return this.#pieces;
  }
}

/** The incomplete escape sequence at the end of a text. */
function openEscapeOf(raw: string): string {
  const last = raw.lastIndexOf('\\');
  if (last === -1 || last < raw.length - LONGEST_OPEN_ESCAPE) return '';
  let first = last;
  while (raw[first - 1] === '\\') first -= 1;
  const isEscapedItself = (last - first) % 2 === 1;
  const isOpen = last === raw.length - 1 || raw[last + 1] === 'u';
  return isOpen && !isEscapedItself ? raw.slice(last) : '';
}
