import { invalid, show } from './invalid-request.ts';
import { LongText } from './long-text.ts';

/** Enough of an image reference to tell what it is; no media type is longer. */
const LOOKED_AT_CHARACTERS = 1024;
/** No image is smaller in base64, and no word is longer. */
const MIN_BASE64_CHARACTERS = 40;
const BASE64 = /^[\w+/-]+$/;
const SCHEME = /^[a-z][a-z0-9+.-]*:/i;
/** A data URI up to its data, where that is not said to be base64. */
const PLAIN_DATA_HEADER = /^data:[^,]*(?<!;\s*base64\s*),/i;

/**
 * The URL of an image, as clients write it: with white space round it, as bare base64, or as a data URI that does not say
 * that it is base64. Throws `invalid_request`.
 */
export function readImageUrl(value: unknown, path: string): string | LongText {
  if (value instanceof LongText) return withPrefix(value, startOf(value));
  const url = typeof value === 'string' ? value.trim() : '';
  if (url !== '') return withPrefix(url, url.slice(0, LOOKED_AT_CHARACTERS));
  throw invalid(path, `${path} must be a URL (http, https, data or file) or base64, not ${show(value)}.`);
}

/** The data of an image, in base64 or as a data URI. Throws `invalid_request`. */
export function readImageData(value: unknown, path: string): string | LongText {
  const data = typeof value === 'string' ? value.trim() : value;
  if (data instanceof LongText || (typeof data === 'string' && data !== '')) {
    const start = data instanceof LongText ? startOf(data) : data.slice(0, LOOKED_AT_CHARACTERS);
    return /^data:/i.test(start) ? withPrefix(data, start) : replaceStart(data, 0, 'data:;base64,');
  }
  throw invalid(path, `${path} must be an image in base64, not ${show(value)}.`);
}

function withPrefix(url: string | LongText, start: string): string | LongText {
  if (!SCHEME.test(start)) return isBase64(start) ? replaceStart(url, 0, 'data:;base64,') : url;
  const header = PLAIN_DATA_HEADER.exec(start)?.[0];
  if (header === undefined || !isBase64(start.slice(header.length))) return url;
  return replaceStart(url, header.length, `${header.slice(0, -1)};base64,`);
}

/** Whether data begins as base64 does. The bytes of an image, percent-encoded, begin otherwise: they are not all letters. */
function isBase64(start: string): boolean {
  const data = start.replaceAll(/\s/g, '');
  return data.length >= MIN_BASE64_CHARACTERS && BASE64.test(data.replace(/={1,2}$/, ''));
}

/** The same with its first characters, which are ASCII, exchanged. Only the first piece of a long text is copied. */
function replaceStart(url: string | LongText, length: number, start: string): string | LongText {
  if (typeof url === 'string') return start + url.slice(length);
  const [first = new Uint8Array(), ...others] = url.pieces;
  const replaced = new Uint8Array(start.length + first.length - length);
  replaced.set(Buffer.from(start, 'latin1'));
  replaced.set(first.subarray(length), start.length);
  return new LongText([replaced, ...others]);
}

function startOf({ pieces }: LongText): string {
  return Buffer.from(pieces[0]?.subarray(0, LOOKED_AT_CHARACTERS) ?? []).toString('latin1');
}
