import { badDataUri } from './data-encoding.ts';
import { startOf } from './image-source.ts';
import type { EncodedImage, UrlSource } from './image-source.ts';

/**
 * Finds the data of a `data:` URI (RFC 2397) and its encoding. It is decoded later, in another thread. The media type is
 * ignored: the format is recognized by the bytes. Throws `bad_data_uri`.
 */
export function readDataUri(source: UrlSource): EncodedImage {
  const start = startOf(source);
  const comma = start.indexOf(',');
  if (comma === -1) throw badDataUri('there is no comma between its media type and its data');
  const encoding = /;\s*base64\s*$/i.test(start.slice(0, comma)) ? 'base64' : 'percent';
  if (typeof source === 'string') return { pieces: [new TextEncoder().encode(source.slice(comma + 1))], encoding };
  const [first, ...others] = source.pieces;
  return { pieces: first === undefined ? [] : [first.slice(comma + 1), ...others], encoding };
}
