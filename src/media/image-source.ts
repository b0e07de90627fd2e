/** An `http:`, `https:`, `data:` or `file:` URL, as text or as pieces of UTF-8, the first of at least 1 KiB. */
export type UrlSource = string | UrlPieces;

interface UrlPieces {
  readonly pieces: readonly Uint8Array<ArrayBuffer>[];
  /** Whether the pieces are needed afterwards. Else their memory moves to the thread that decodes them. */
  readonly isKept?: boolean;
}

/** A file that the server holds, in pieces that stay as they are. */
export interface StoredSource {
  readonly stored: readonly Uint8Array<ArrayBuffer>[];
}

/** A reference to an image. */
export type ImageSource = UrlSource | StoredSource;

/** An encoded image, cut anywhere, and how its bytes are encoded. */
export interface EncodedImage {
  /** Each owns its memory, which can move to another thread. */
  readonly pieces: readonly Uint8Array<ArrayBuffer>[];
  readonly encoding: 'bytes' | 'base64' | 'percent';
}

const SPACE = 0x20;
const MAX_SHOWN_CHARACTERS = 200;
/** The part before the data of a `data:` URI. If it looks different, it may be data. */
const MEDIA_TYPE = /^data:[\w.+-]*(?:\/[\w.+-]+)?(?:;[\w.+-]+(?:=[\w.+-]+)?)*(?=,)/i;
/** Characters that are masked in the log. */
const UNPRINTABLE = /[^\x20-\x7e]/g;

export function isStored(source: ImageSource): source is StoredSource {
  return typeof source === 'object' && 'stored' in source;
}

/** A source without leading and trailing white space. */
export function withoutSpaceAround(source: ImageSource): ImageSource {
  if (isStored(source)) return source;
  if (typeof source === 'string') return source.trim();
  const { isKept = false } = source;
  const [first, ...others] = source.pieces;
  const start = first?.findIndex((byte) => byte > SPACE) ?? 0;
  return first === undefined || start <= 0 ? source : { pieces: [first.subarray(start), ...others], isKept };
}

/** The first characters of a URL, enough for any media type. */
export function startOf(source: UrlSource): string {
  if (typeof source === 'string') return source.slice(0, 1024);
  return Buffer.from(source.pieces[0]?.subarray(0, 1024) ?? []).toString('latin1');
}

/** A source for the log: without query, fragment, credentials and data. */
export function describeSource(source: ImageSource): string {
  if (isStored(source)) return 'an uploaded file';
  const start = startOf(source);
  if (/^data:/i.test(start)) return `${shortened(MEDIA_TYPE.exec(start)?.[0] ?? 'data:')},…`;
  if (/^https?:/i.test(start) && URL.canParse(start)) {
    const { protocol, host, pathname } = new URL(start);
    return shortened(`${protocol}//${host}${pathname}`);
  }
  // What cannot be parsed may contain secrets anywhere.
  return /^file:/i.test(start) ? shortened(start.replace(/[?#][^]*/, '')) : 'no URL of a known kind';
}

function shortened(text: string): string {
  const printable = text.replace(UNPRINTABLE, '?');
  return printable.length > MAX_SHOWN_CHARACTERS ? `${printable.slice(0, MAX_SHOWN_CHARACTERS)}…` : printable;
}
