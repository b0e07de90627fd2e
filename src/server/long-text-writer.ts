const LONGEST_OPEN_ESCAPE = 5;
const encoder = new TextEncoder();

/** Undoes the escapes of a JSON string that comes in pieces, and keeps it as UTF-8. */
export class LongTextWriter {
  readonly #pieces: Uint8Array<ArrayBuffer>[] = [];
  /** What makes sense only together with the next piece: an open escape, as it came. */
  #openEscape = '';
  /** The first half of a surrogate pair. */
  #highSurrogate = '';

  /** Takes the next piece of what stands between the quotes. Throws a `SyntaxError` of `JSON.parse`. */
  write(piece: string): void {
    const raw = this.#openEscape + piece;
    this.#openEscape = openEscapeOf(raw);
    const text =
      this.#highSurrogate + (JSON.parse(`"${raw.slice(0, raw.length - this.#openEscape.length)}"`) as string);
    this.#highSurrogate = /[\ud800-\udbff]$/.exec(text)?.[0] ?? '';
    const whole = text.slice(0, text.length - this.#highSurrogate.length);
    if (whole !== '') this.#pieces.push(encoder.encode(whole));
  }

  /** Whether what comes next stands for itself, whatever came before. */
  get isBetweenCharacters(): boolean {
    return this.#openEscape === '' && this.#highSurrogate === '';
  }

  /** Takes a piece of ASCII without escapes as it is: the memory moves here. */
  writePlain(piece: Uint8Array<ArrayBuffer>): void {
    this.#pieces.push(piece);
  }

  /** The whole text. Throws a `SyntaxError` where it ends in the middle of an escape. */
  end(): Uint8Array<ArrayBuffer>[] {
    if (this.#openEscape !== '') throw new SyntaxError('Bad escape in a string');
    if (this.#highSurrogate !== '') this.#pieces.push(encoder.encode(this.#highSurrogate));
    return this.#pieces;
  }
}

/** The escape that a text ends in the middle of. */
function openEscapeOf(raw: string): string {
  const last = raw.lastIndexOf('\\');
  if (last === -1 || last < raw.length - LONGEST_OPEN_ESCAPE) return '';
  let first = last;
  while (raw[first - 1] === '\\') first -= 1;
  const isEscapedItself = (last - first) % 2 === 1;
  const isOpen = last === raw.length - 1 || raw[last + 1] === 'u';
  return isOpen && !isEscapedItself ? raw.slice(last) : '';
}
