import { invalid, show } from './invalid-request.ts';
import { LongText } from './long-text.ts';

/** Enough of an image reference to recognize it; no media type is longer. */
const LOOKED_AT_CHARACTERS = 1024;
/** Smaller than any image in base64, longer than any word. */
const MIN_BASE64_CHARACTERS = 40;
const BASE64 = /^[\w+/-]+$/;
const SCHEME = /^[a-z][a-z0-9+.-]*:/i;
/** The signatures of PNG, JPEG, GIF, WebP, BMP, TIFF, AVIF and HEIF, and PPM. */
const BASE64_OF_IMAGES = /^(?:iVBORw0KGgo|[/_]9j[/_]|R0lGOD|UklGR|Qk[0-3]|SUkqA|TU0AK|AAAA[\w+/-]{2}Z0eX|UD[EIMQUY])/;

/**
 * Reads the URL of an image. Also accepts what clients send by mistake: surrounding white space, bare base64, and base64
 * in a data URI that is not marked as such. Throws `invalid_request`.
 */
export function readImageUrl(value: unknown, path: string): string | LongText {
  if (value instanceof LongText) return withPrefix(value, startOfText(value));
  const url = typeof value === 'string' ? value.trim() : '';
  if (url !== '') return withPrefix(url, startOfText(url));
  throw invalid(path, `${path} must be a URL (http, https, data or file) or base64, not ${show(value)}.`);
}

/** Reads an image in base64, bare or as a data URI. Throws `invalid_request`. */
export function readImageData(value: unknown, path: string): string | LongText {
  const data = typeof value === 'string' ? value.trim() : value;
  if (data instanceof LongText || (typeof data === 'string' && data !== '')) {
    const start = startOfText(data);
    return /^data:/i.test(start) ? withPrefix(data, start) : replaceStart(data, 0, 'data:;base64,');
  }
  throw invalid(path, `${path} must be an image in base64, not ${show(value)}.`);
}

function withPrefix(url: string | LongText, start: string): string | LongText {
  if (!SCHEME.test(start)) return isBase64(start) ? replaceStart(url, 0, 'data:;base64,') : url;
  const comma = start.indexOf(',');
  const header = start.slice(0, comma);
  if (!/^data:/i.test(header) || /;\s*base64\s*$/i.test(header) || !isBase64(start.slice(comma + 1))) return url;
  return replaceStart(url, comma + 1, `${header};base64,`);
}

/** Whether a string begins like an image in base64. */
export function isImageInBase64(start: string): boolean {
  return BASE64_OF_IMAGES.test(start);
}

/** Whether data begins like base64. A percent-encoded image does not: its signature has other characters. */
function isBase64(start: string): boolean {
  const data = start.replaceAll(/\s/g, '');
  return data.length >= MIN_BASE64_CHARACTERS && BASE64.test(data.replace(/={1,2}$/, ''));
}

/** Replaces the first `length` characters, which are ASCII. Only the first piece of a long text is copied. */
function replaceStart(url: string | LongText, length: number, start: string): string | LongText {
  if (typeof url === 'string') return start + url.slice(length);
  const [first = new Uint8Array(), ...others] = url.pieces;
  const replaced = new Uint8Array(start.length + first.length - length);
  replaced.set(Buffer.from(start, 'latin1'));
  replaced.set(first.subarray(length), start.length);
  return new LongText([replaced, ...others], url);
}

/** As much of a text as is looked at. */
export function startOfText(text: string | LongText): string {
  if (typeof text === 'string') return text.slice(0, LOOKED_AT_CHARACTERS);
  return Buffer.from(text.pieces[0]?.subarray(0, LOOKED_AT_CHARACTERS) ?? []).toString('latin1');
}
