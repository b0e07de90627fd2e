import { StringDecoder } from 'node:string_decoder';
import { VserveError } from '../errors/index.ts';

/**
 * Decodes the data of a `data:` URI (RFC 2397). Base64 may hold white space, lack its padding and use the URL-safe
 * alphabet; what is not base64 is percent-encoded. `spend` is told each time how many bytes came out. Throws
 * `bad_data_uri`, or what `spend` throws.
 */
export function decodeData(
  pieces: readonly Uint8Array[],
  encoding: 'base64' | 'percent',
  spend: (bytes: number) => void,
): Buffer {
  const decoder = encoding === 'base64' ? new Base64Decoder() : new PercentDecoder();
  const utf8 = new StringDecoder('utf8');
  const decoded: Buffer[] = [];
  for (const piece of [...pieces, undefined]) {
    const text =
      piece === undefined ? utf8.end() : utf8.write(Buffer.from(piece.buffer, piece.byteOffset, piece.length));
    const bytes = decoder.decode(text, piece === undefined);
    spend(bytes.length);
    decoded.push(bytes);
  }
  const bytes = Buffer.concat(decoded);
  if (bytes.length === 0) throw badDataUri('it holds no data');
  return bytes;
}

/** Decodes base64 slice by slice: characters that do not fill a group of four wait for the next slice. */
class Base64Decoder {
  #rest = '';
  #padded = false;

  decode(slice: string, isLast: boolean): Buffer {
    const waiting = this.#rest + slice;
    const plain = isLast || this.#padded ? undefined : decodePlain(waiting);
    if (plain !== undefined) {
      this.#rest = waiting.slice(waiting.length - (waiting.length % 4));
      return plain;
    }
    const { whole, rest } = cutWhole(waiting, isLast);
    const text = whole.replace(/%[0-9a-f]{2}/gi, decodeEscape).replace(/\s+/g, '');
    const padding = text.indexOf('=');
    const body = padding === -1 ? text : text.slice(0, padding);
    const isWellFormed = /^[A-Za-z0-9+/\-_]*$/.test(body) && (padding === -1 || /^=*$/.test(text.slice(padding)));
    if (!isWellFormed || (this.#padded && body !== ''))
      throw badDataUri('its data has a character that base64 has not');
    this.#padded ||= padding !== -1;
    const length = isLast || this.#padded ? body.length : body.length - (body.length % 4);
    if (length % 4 === 1) throw badDataUri('its base64 data ends in the middle of a byte');
    this.#rest = body.slice(length) + rest;
    return Buffer.from(body.slice(0, length), 'base64');
  }
}

/**
 * The bytes of a text's whole groups of four, or undefined where one of them is anything but four letters of base64: the
 * runtime leaves out what it does not know, and so has fewer bytes than the length promises.
 */
function decodePlain(text: string): Buffer | undefined {
  const groups = Math.floor(text.length / 4);
  const bytes = Buffer.from(text.slice(0, groups * 4), 'base64');
  return bytes.length === groups * 3 ? bytes : undefined;
}

/** Decodes percent-encoded text slice by slice. A character that is not escaped stands for its UTF-8 bytes. */
class PercentDecoder {
  #rest = '';

  decode(slice: string, isLast: boolean): Buffer {
    const { whole, rest } = cutWhole(this.#rest + slice, isLast);
    this.#rest = rest;
    if (/%(?![0-9a-f]{2})/i.test(whole)) {
      throw badDataUri('its data has a "%" that two hexadecimal digits do not follow');
    }
    const hex = whole.replace(/%([0-9a-f]{2})|[^%]+/gi, (text, escaped: string | undefined) => {
      return escaped ?? Buffer.from(text).toString('hex');
    });
    return Buffer.from(hex, 'hex');
  }
}

/** Cuts off an escape, or a surrogate pair, whose other half lies in the next slice. */
function cutWhole(text: string, isLast: boolean): { whole: string; rest: string } {
  const rest = isLast ? '' : (/(?:%[0-9a-f]?|[\ud800-\udbff])$/i.exec(text.slice(-2))?.[0] ?? '');
  return { whole: text.slice(0, text.length - rest.length), rest };
}

function decodeEscape(escape: string): string {
  return String.fromCharCode(Number.parseInt(escape.slice(1), 16));
}

/** The error of a `data:` URI that does not follow RFC 2397. */
export function badDataUri(reason: string): VserveError {
  const message = `The data: URI cannot be read: ${reason}. It should look like data:image/png;base64,iVBORw0….`;
  return new VserveError('bad_data_uri', message);
}
