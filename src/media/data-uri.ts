import { setImmediate } from 'node:timers/promises';
import { VserveError } from '../errors/index.ts';
import type { MediaBudget } from './media-budget.ts';

/** Characters that are decoded in one go; between two pieces the event loop turns. */
const SLICE_CHARACTERS = 256 * 1024;
const MAX_MEDIA_TYPE_CHARACTERS = 1024;

export interface DataUriOptions {
  readonly budget: MediaBudget;
  readonly signal: AbortSignal;
}

/**
 * The bytes of a `data:` URI (RFC 2397), in pieces that each own their memory. Base64 may hold white space, lack its
 * padding and use the URL-safe alphabet; what is not base64 is percent-encoded. The media type is not looked at: the
 * bytes tell the format. Throws `bad_data_uri`, `over_budget`, or the signal's reason.
 */
export async function readDataUri(uri: string, { budget, signal }: DataUriOptions): Promise<Uint8Array<ArrayBuffer>[]> {
  const comma = uri.slice(0, MAX_MEDIA_TYPE_CHARACTERS).indexOf(',');
  if (comma === -1) throw badDataUri('no comma stands between its media type and its data');
  const decoder = /;\s*base64\s*$/i.test(uri.slice(0, comma)) ? new Base64Decoder() : new PercentDecoder();
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  for (let start = comma + 1; start < uri.length; start += SLICE_CHARACTERS) {
    signal.throwIfAborted();
    if (start > comma + 1) await setImmediate();
    const end = start + SLICE_CHARACTERS;
    const bytes = decoder.decode(uri.slice(start, end), end >= uri.length);
    budget.spendEncoded(bytes.length);
    if (bytes.length > 0) pieces.push(bytes);
  }
  if (pieces.length === 0) throw badDataUri('it holds no data');
  return pieces;
}

/** Decodes base64 slice by slice: characters that do not fill a group of four wait for the next slice. */
class Base64Decoder {
  #rest = '';
  #padded = false;

  decode(slice: string, isLast: boolean): Uint8Array<ArrayBuffer> {
    const { whole, rest } = cutWhole(this.#rest + slice, isLast);
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
    return copyOf(Buffer.from(body.slice(0, length), 'base64'));
  }
}

/** Decodes percent-encoded text slice by slice. A character that is not escaped stands for its UTF-8 bytes. */
class PercentDecoder {
  #rest = '';

  decode(slice: string, isLast: boolean): Uint8Array<ArrayBuffer> {
    const { whole, rest } = cutWhole(this.#rest + slice, isLast);
    this.#rest = rest;
    if (/%(?![0-9a-f]{2})/i.test(whole)) {
      throw badDataUri('its data has a "%" that two hexadecimal digits do not follow');
    }
    const hex = whole.replace(/%([0-9a-f]{2})|[^%]+/gi, (text, escaped: string | undefined) => {
      return escaped ?? Buffer.from(text).toString('hex');
    });
    return copyOf(Buffer.from(hex, 'hex'));
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

/** The same bytes in memory of their own, which can move to another thread. */
function copyOf(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes);
}

function badDataUri(reason: string): VserveError {
  const message = `The data: URI cannot be read: ${reason}. It should look like data:image/png;base64,iVBORw0….`;
  return new VserveError('bad_data_uri', message);
}
