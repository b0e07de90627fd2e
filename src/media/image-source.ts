/** The reference to an image: an `http:`, `https:`, `data:` or `file:` URL, as text or as pieces of UTF-8, the first of at least 1 KiB. */
export type ImageSource = string | { readonly pieces: readonly Uint8Array<ArrayBuffer>[] };

/** The encoded picture, cut anywhere, and how its bytes are written. */
export interface EncodedImage {
  /** Each owns its memory, which can move to another thread. */
  readonly pieces: readonly Uint8Array<ArrayBuffer>[];
  readonly encoding: 'bytes' | 'base64' | 'percent';
}

const SPACE = 0x20;
const MAX_SHOWN_CHARACTERS = 200;
/** What stands before the data of a `data:` URI. Where it looks like anything else, it may be data. */
const MEDIA_TYPE = /^data:[\w.+-]*(?:\/[\w.+-]+)?(?:;[\w.+-]+(?:=[\w.+-]+)?)*(?=,)/i;
/** What a URL's path is shown without: control characters and what else is not plain text. */
const UNPRINTABLE = /[^\x20-\x7e]/g;

/** A source without the white space that was copied along with it. */
export function withoutSpaceAround(source: ImageSource): ImageSource {
  if (typeof source === 'string') return source.trim();
  const [first, ...others] = source.pieces;
  const start = first?.findIndex((byte) => byte > SPACE) ?? 0;
  return first === undefined || start <= 0 ? source : { pieces: [first.subarray(start), ...others] };
}

/** The first characters of a source: more than any media type has. */
export function startOf(source: ImageSource): string {
  if (typeof source === 'string') return source.slice(0, 1024);
  return Buffer.from(source.pieces[0]?.subarray(0, 1024) ?? []).toString('latin1');
}

/** A source for the log: without query, fragment, credentials and data. */
export function describeSource(source: ImageSource): string {
  const start = startOf(source);
  if (/^data:/i.test(start)) return `${shortened(MEDIA_TYPE.exec(start)?.[0] ?? 'data:')},…`;
  if (/^https?:/i.test(start) && URL.canParse(start)) {
    const { protocol, host, pathname } = new URL(start);
    return shortened(`${protocol}//${host}${pathname}`);
  }
  // What could not be parsed may hold anything in any place.
  return /^file:/i.test(start) ? shortened(start.replace(/[?#][^]*/, '')) : 'no URL of a known kind';
}

function shortened(text: string): string {
  const printable = text.replace(UNPRINTABLE, '?');
  return printable.length > MAX_SHOWN_CHARACTERS ? `${printable.slice(0, MAX_SHOWN_CHARACTERS)}…` : printable;
}
