import { isAscii } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import { isImageInBase64, LongText } from '../api/index.ts';
import { messageOf, VserveError } from '../errors/index.ts';
import { LongTextWriter } from './long-text-writer.ts';

const MAX_DEPTH = 100;
/** More values than any conversation needs, yet few enough to parse without blocking other requests. */
const MAX_VALUES = 100_000;
/** Maximum length of the JSON without its long texts, in characters. */
const MAX_CHARACTERS = 16 * 1024 * 1024;
/** Data URIs, and images in base64, of at least this many characters are kept out of the JSON. */
const LONG_CHARACTERS = 8 * 1024;

const LOOKED_AT_CHARACTERS = 64;

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_LIST = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/**
 * Reads JSON (RFC 8259) that arrives in chunks. The work per chunk does not depend on how much has arrived before. Data
 * URIs and base64 images of 8 Ki characters or more become `LongText`s on the way; the remainder is small and goes through
 * `JSON.parse`, which checks the syntax. Chunks should be no longer than 64 Ki characters.
 */
export class JsonScanner {
  readonly #kept: string[] = [];
  #keptCharacters = 0;
  readonly #longTexts: LongText[] = [];
  /** Prefix of the placeholders for long texts in the JSON. Clients cannot guess it. */
  readonly #marker = randomUUID();
  /** For each open container, whether it is an object. */
  readonly #areObjects: boolean[] = [];
  #expectsKey = false;
  #values = 0;
  /** The string that the last chunk ended in, including its opening quote. */
  #openString: OpenString | undefined;

  /** Adds a chunk. Throws `invalid_json`, `request_too_large`. */
  push(chunk: string): void {
    asInvalidJson(() => this.#scan(chunk));
  }

  /**
   * Adds bytes without making a string of them, which spares the garbage collector. Possible only within a long text, up
   * to its end, for ASCII that needs no decoding: returns how many bytes were taken from the start, 0 for none, and the
   * caller must `push` what follows. `keep` must return a copy that owns its memory, or the same bytes if they own
   * theirs.
   */
  pushPlain(bytes: Uint8Array, keep: (bytes: Uint8Array) => Uint8Array<ArrayBuffer>): number {
    const writer = this.#openString?.writer;
    if (writer?.isBetweenCharacters !== true) return 0;
    const quote = searchable(bytes).indexOf(QUOTE);
    const text = quote === -1 ? bytes : bytes.subarray(0, quote);
    if (text.length === 0 || !isPlain(text)) return 0;
    writer.writePlain(keep(text));
    return text.length;
  }

  /** The parsed value. Throws `invalid_json`. */
  end(): unknown {
    if (this.#openString !== undefined) this.#keep(this.#openString.text);
    const json = this.#kept.join('');
    const isMark = (value: unknown): value is string => typeof value === 'string' && value.startsWith(this.#marker);
    const revive = (_key: string, value: unknown): unknown =>
      isMark(value) ? this.#longTexts[Number(value.slice(this.#marker.length))] : value;
    return asInvalidJson(() => JSON.parse(json, this.#longTexts.length === 0 ? undefined : revive) as unknown);
  }

  /** Drops everything: the body will not be completed, but whoever reads it may still hold on to this scanner. */
  discard(): void {
    this.#kept.length = 0;
    this.#longTexts.length = 0;
    this.#openString = undefined;
  }

  #scan(chunk: string): void {
    let at = this.#openString === undefined ? 0 : this.#continueString(this.#openString, chunk);
    let keptFrom = at;
    while (at < chunk.length) {
      const code = chunk.charCodeAt(at);
      if (code !== QUOTE) {
        this.#countStructure(code);
        at += 1;
        continue;
      }
      const { end, escaped } = endOfString(chunk, at + 1, false);
      if (end === -1) {
        this.#keep(chunk.slice(keptFrom, at));
        this.#openString = { text: chunk.slice(at), mayBeData: !this.#expectsKey, escaped };
        return;
      }
      this.#expectsKey = false;
      at = end;
    }
    this.#keep(chunk.slice(keptFrom));
  }

  /** The end of the string within the chunk, or the end of the chunk if the string continues. */
  #continueString(string: OpenString, chunk: string): number {
    const { end, escaped } = endOfString(chunk, 0, string.escaped);
    const piece = end === -1 ? chunk : chunk.slice(0, end - 1);
    string.escaped = escaped;
    if (string.writer !== undefined) {
      string.writer.write(piece);
    } else {
      string.text += piece;
      if (string.mayBeData && string.text.length >= LONG_CHARACTERS) takeData(string);
      if (this.#keptCharacters + string.text.length > MAX_CHARACTERS) throw tooMuchText();
    }
    if (end === -1) return chunk.length;
    this.#closeString(string);
    return end;
  }

  #closeString({ text, writer }: OpenString): void {
    this.#openString = undefined;
    this.#expectsKey = false;
    if (writer === undefined) {
      this.#keep(`${text}"`);
    } else {
      this.#keep(JSON.stringify(`${this.#marker}${this.#longTexts.length}`));
      this.#longTexts.push(new LongText(writer.end()));
    }
  }

  #keep(text: string): void {
    this.#keptCharacters += text.length;
    if (this.#keptCharacters > MAX_CHARACTERS) throw tooMuchText();
    this.#kept.push(text);
  }

  #countStructure(code: number): void {
    switch (code) {
      case OPEN_OBJECT:
      case OPEN_LIST:
        if (this.#areObjects.length === MAX_DEPTH) throw invalidJson(`it is nested more than ${MAX_DEPTH} levels deep`);
        this.#areObjects.push(code === OPEN_OBJECT);
        this.#expectsKey = code === OPEN_OBJECT;
        this.#countValue();
        break;
      case CLOSE_OBJECT:
      case CLOSE_LIST:
        this.#areObjects.pop();
        this.#expectsKey = false;
        break;
      case COMMA:
        this.#expectsKey = this.#areObjects.at(-1) === true;
        this.#countValue();
        break;
    }
  }

  #countValue(): void {
    this.#values += 1;
    if (this.#values > MAX_VALUES) throw invalidJson(`it holds more than ${MAX_VALUES} values`);
  }
}

interface OpenString {
  /** The text so far, including the opening quote; empty once a writer has taken over. */
  text: string;
  /**
   * Whether it may still turn out to be a long data URI: keys never do, and values are checked once, when they are long
   * enough.
   */
  mayBeData: boolean;
  /** Whether the next character is escaped. */
  escaped: boolean;
  /** Receives what is too long to keep here. */
  writer?: LongTextWriter;
}

/**
 * Hands a string to a writer if it is a data URI or a base64 image. Checked only once, since looking at a string built
 * from pieces copies it.
 */
function takeData(string: OpenString): void {
  string.mayBeData = false;
  const start = string.text.slice(1, 1 + LOOKED_AT_CHARACTERS);
  // Some encoders of JSON escape slashes.
  if (!/^data:/i.test(start) && !isImageInBase64(start.replaceAll('\\/', '/'))) return;
  string.writer = new LongTextWriter();
  string.writer.write(string.text.slice(1));
  string.text = '';
}

/** The end of a string that continues at `from`: just after its closing quote, or -1 if the chunk ends first. */
function endOfString(chunk: string, from: number, isEscaped: boolean): { end: number; escaped: boolean } {
  let escaped = isEscaped;
  for (let at = from; at < chunk.length; at += 1) {
    if (escaped) {
      escaped = false;
      continue;
    }
    const code = chunk.charCodeAt(at);
    if (code === BACKSLASH) escaped = true;
    else if (code === QUOTE) return { end: at + 1, escaped: false };
  }
  return { end: -1, escaped };
}

/** Whether the bytes, without quotes, are characters that a JSON string contains verbatim, one byte each. */
function isPlain(bytes: Uint8Array): boolean {
  return isAscii(bytes) && !searchable(bytes).includes(BACKSLASH) && !hasControls(bytes);
}

/** Buffer searches with memchr; other typed arrays compare element by element. */
function searchable(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

/**
 * Whether ASCII bytes include a control character (below 0x20), four at a time since the runtime cannot search for a
 * range. Subtracting 0x20 from each byte borrows, and thus sets the top bit, at the first smaller one. Indexing through
 * all words takes half the time of an iterator that could stop early.
 */
function hasControls(bytes: Uint8Array): boolean {
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  const words = new Int32Array(aligned.buffer, aligned.byteOffset, aligned.length >>> 2);
  let differences = 0;
  for (let i = 0; i < words.length; i += 1) differences |= (words[i] ?? 0) - 0x20202020;
  return (differences & 0x80808080) !== 0 || aligned.subarray(words.length * 4).some((byte) => byte < 0x20);
}

function asInvalidJson<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw error instanceof SyntaxError ? invalidJson(messageOf(error), error) : error;
  }
}

/** The error for an invalid body. */
export function invalidJson(reason: string, cause?: unknown): VserveError {
  return new VserveError('invalid_json', `The body is not valid JSON: ${reason}`, { cause });
}

function tooMuchText(): VserveError {
  const mib = MAX_CHARACTERS / 1024 / 1024;
  return new VserveError(
    'request_too_large',
    `The request has more than ${String(mib)} Mi characters besides its data: URIs, the limit of this server. Send less text.`,
  );
}
