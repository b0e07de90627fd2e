import { isAscii } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import { isImageInBase64, LongText } from '../api/index.ts';
import { messageOf, VserveError } from '../errors/index.ts';
import { LongTextWriter } from './long-text-writer.ts';

const MAX_DEPTH = 100;
/** More values than a conversation has, and few enough that parsing them does not stop the other requests. */
const MAX_VALUES = 100_000;
/** Most characters of the JSON, without the long texts. */
const MAX_CHARACTERS = 16 * 1024 * 1024;
/** A data URI, or an image in base64, of at least so many characters is kept out of the JSON. */
const LONG_CHARACTERS = 64 * 1024;

const LOOKED_AT_CHARACTERS = 64;

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_LIST = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/**
 * Reads JSON (RFC 8259) that comes in chunks, with an amount of work for each chunk that does not depend on how much
 * came before. Data URIs and images in base64 of 64 Ki characters and more become `LongText`s as they come; what is left
 * at the end is small and goes through `JSON.parse`, which judges the syntax. Each chunk should be no longer than 64 Ki characters.
 */
export class JsonScanner {
  readonly #kept: string[] = [];
  #keptCharacters = 0;
  readonly #longTexts: LongText[] = [];
  /** Stands before the number of a long text in the JSON. A client cannot guess it. */
  readonly #marker = randomUUID();
  /** Of each container that is open, whether it is an object. */
  readonly #areObjects: boolean[] = [];
  #expectsKey = false;
  #values = 0;
  /** A string that the last chunk ended in, from its quote on. */
  #openString: OpenString | undefined;

  /** Takes the next chunk. Throws `invalid_json`, `request_too_large`. */
  push(chunk: string): void {
    asInvalidJson(() => this.#scan(chunk));
  }

  /**
   * Takes the next bytes without making a string of them, which leaves nothing for the garbage collector: those in the
   * middle of a long text that are ASCII and stand for themselves. `keep` gives them memory of their own, where they have
   * none. False where they are not plain, and must be pushed.
   */
  pushPlain(bytes: Uint8Array, keep: (bytes: Uint8Array) => Uint8Array<ArrayBuffer>): boolean {
    const string = this.#openString;
    if (string?.writer?.isBetweenCharacters !== true || !isPlain(bytes)) return false;
    string.writer.writePlain(keep(bytes));
    return true;
  }

  /** The value of all chunks. Throws `invalid_json`. */
  end(): unknown {
    if (this.#openString !== undefined) this.#keep(this.#openString.text);
    const json = this.#kept.join('');
    const isMark = (value: unknown): value is string => typeof value === 'string' && value.startsWith(this.#marker);
    const revive = (_key: string, value: unknown): unknown =>
      isMark(value) ? this.#longTexts[Number(value.slice(this.#marker.length))] : value;
    return asInvalidJson(() => JSON.parse(json, this.#longTexts.length === 0 ? undefined : revive) as unknown);
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

  /** Where the string ends in the chunk; the chunk's end where it goes on. */
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
  /** What has come of it, from its quote on; empty where a writer has it. */
  text: string;
  /** Whether it may turn out to be a long data URI: a key is none, and a text is judged once, when it is long enough. */
  mayBeData: boolean;
  /** Whether the next character is escaped. */
  escaped: boolean;
  /** Takes what is too long to be kept. */
  writer?: LongTextWriter;
}

/**
 * Gives a string to a writer where it is a data URI, or an image in base64. To look at a string that grew in
 * pieces is to copy it: once.
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

/** Where the string that goes on at `from` ends: behind its closing quote, or -1 where the chunk ends first. */
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

/** Whether the bytes are characters that a JSON string holds as they are, one byte each. */
function isPlain(bytes: Uint8Array): boolean {
  // A Buffer searches with memchr, any other array element by element.
  const searched = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return isAscii(bytes) && !searched.includes(QUOTE) && !searched.includes(BACKSLASH) && !hasControls(bytes);
}

/**
 * Whether ASCII bytes hold one below 0x20: four at a time, since the runtime has no search for a range. Taking 0x20 from
 * each byte borrows, and so sets a top bit, in the first that is less. All words are looked at, by their index, since that
 * takes half as long as an iterator that may stop early.
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

/** The error of a body that is not what it should be. */
export function invalidJson(reason: string, cause?: unknown): VserveError {
  return new VserveError('invalid_json', `The body is not valid JSON: ${reason}`, { cause });
}

function tooMuchText(): VserveError {
  const mib = MAX_CHARACTERS / 1024 / 1024;
  return new VserveError(
    'request_too_large',
    `The request has more than ${String(mib)} Mi characters besides its data: URIs, which no conversation needs. Send less text.`,
  );
}
