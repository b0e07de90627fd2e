import { StringDecoder } from 'node:string_decoder';
import { VserveError } from '../errors/index.ts';

/**
 * Decodes the data of a `data:` URI (RFC 2397). Base64 may contain white space, lack its padding and use the URL-safe
 * alphabet; anything else is percent-encoded. `spend` is called with the number of decoded bytes, piece by piece. Throws
 * `bad_data_uri`, or what `spend` throws.
 */
export function decodeData(
  pieces: readonly Uint8Array[],
  encoding: 'base64' | 'percent',
  spend: (bytes: number) => void,
): Buffer {
  // Neither encoding is shorter than what it encodes.
  const decoded = Buffer.allocUnsafeSlow(pieces.reduce((sum, piece) => sum + piece.length, 0));
  const decoder = encoding === 'base64' ? new Base64Decoder(decoded) : new PercentDecoder(decoded);
  const utf8 = new StringDecoder('utf8');
  let length = 0;
  for (const piece of [...pieces, undefined]) {
    const text =
      piece === undefined ? utf8.end() : utf8.write(Buffer.from(piece.buffer, piece.byteOffset, piece.length));
    const written = decoder.decode(text, length, piece === undefined);
    spend(written);
    length += written;
  }
  if (length === 0) throw badDataUri('it contains no data');
  return decoded.subarray(0, length);
}

/** Decodes base64 slice by slice: an incomplete group of four waits for the next slice. */
class Base64Decoder {
  readonly #target: Buffer;
  #rest = '';
  #padded = false;

  constructor(target: Buffer) {
    this.#target = target;
  }

  /** Writes a slice's bytes into the target from `at` on, and returns how many. */
  decode(slice: string, at: number, isLast: boolean): number {
    const waiting = this.#rest + slice;
    const plain = isLast || this.#padded ? undefined : writePlain(waiting, this.#target, at);
    if (plain !== undefined) {
      this.#rest = waiting.slice(waiting.length - (waiting.length % 4));
      return plain;
    }
    const { whole, rest } = cutWhole(waiting, isLast);
    const text = whole.replace(/%[0-9a-f]{2}/gi, decodeEscape).replace(/\s+/g, '');
    const padding = text.indexOf('=');
    const body = padding === -1 ? text : text.slice(0, padding);
    const isWellFormed = /^[A-Za-z0-9+/\-_]*$/.test(body) && (padding === -1 || /^=*$/.test(text.slice(padding)));
    if (!isWellFormed || (this.#padded && body !== '')) throw badDataUri('its data has a character that is not base64');
    this.#padded ||= padding !== -1;
    const length = isLast || this.#padded ? body.length : body.length - (body.length % 4);
    if (length % 4 === 1) throw badDataUri('its base64 data ends in the middle of a byte');
    this.#rest = body.slice(length) + rest;
    return this.#target.write(body.slice(0, length), at, 'base64');
  }
}

/**
 * Writes the bytes of a text's complete groups of four and returns how many; undefined if one of them is anything but four
 * base64 letters: the runtime skips unknown characters, and so writes fewer bytes than the length promises.
 */
function writePlain(text: string, target: Buffer, at: number): number | undefined {
  const groups = Math.floor(text.length / 4);
  const written = target.write(text.slice(0, groups * 4), at, 'base64');
  return written === groups * 3 ? written : undefined;
}

/** Decodes percent-encoded text slice by slice. An unescaped character becomes its UTF-8 bytes. */
class PercentDecoder {
  readonly #target: Buffer;
  #rest = '';

  constructor(target: Buffer) {
    this.#target = target;
  }

  /** Writes a slice's bytes into the target from `at` on, and returns how many. */
  decode(slice: string, at: number, isLast: boolean): number {
    const { whole, rest } = cutWhole(this.#rest + slice, isLast);
    this.#rest = rest;
    if (/%(?![0-9a-f]{2})/i.test(whole)) {
      throw badDataUri('its data has a "%" without two hexadecimal digits');
    }
    const hex = whole.replace(/%([0-9a-f]{2})|[^%]+/gi, (text, escaped: string | undefined) => {
      return escaped ?? Buffer.from(text).toString('hex');
    });
    return this.#target.write(hex, at, 'hex');
  }
}

/** Cuts off an escape or a surrogate pair that continues in the next slice. */
function cutWhole(text: string, isLast: boolean): { whole: string; rest: string } {
  const rest = isLast ? '' : (/(?:%[0-9a-f]?|[\ud800-\udbff])$/i.exec(text.slice(-2))?.[0] ?? '');
  return { whole: text.slice(0, text.length - rest.length), rest };
}

function decodeEscape(escape: string): string {
  return String.fromCharCode(Number.parseInt(escape.slice(1), 16));
}

/** The error for a `data:` URI that violates RFC 2397. */
export function badDataUri(reason: string): VserveError {
  const message = `The data: URI cannot be read: ${reason}. It should look like data:image/png;base64,iVBORw0….`;
  return new VserveError('bad_data_uri', message);
}
