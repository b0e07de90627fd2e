import type { Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate, createInflateRaw } from 'node:zlib';
import { VserveError } from '../errors/index.ts';
import { imageFormatOf, SIGNATURE_BYTES } from './image-format.ts';
import { videoFormatOf } from './video-format.ts';

const MAX_CODINGS = 4;

/** The first bytes of a body, and the whole of it. */
export interface Peeked {
  readonly start: Uint8Array;
  readonly chunks: AsyncIterable<Uint8Array>;
}

/** Reads enough chunks to recognize an image by its signature. */
export async function peek(body: AsyncIterable<Uint8Array>): Promise<Peeked> {
  const iterator = body[Symbol.asyncIterator]();
  const read: Uint8Array[] = [];
  let bytes = 0;
  while (bytes < SIGNATURE_BYTES) {
    const next = await iterator.next();
    if (next.done === true) break;
    read.push(next.value);
    bytes += next.value.length;
  }
  async function* all(): AsyncGenerator<Uint8Array> {
    yield* read;
    yield* { [Symbol.asyncIterator]: () => iterator };
  }
  return { start: Buffer.concat(read), chunks: all() };
}

/**
 * Undoes the content codings of a response (RFC 9110, section 8.4), in the order given. Some servers apply them unasked;
 * others name one that they did not apply, or that does not exist (`utf-8`, `aws-chunked`): a body with the signature of
 * an image, a PDF or a video is taken as it is, and unknown codings are ignored. Throws `fetch_transport` for too many.
 */
export function unpackersOf(encoding: string | string[] | undefined, start: Uint8Array): Transform[] {
  if (isMedia(start)) return [];
  const codings = String(encoding ?? '')
    .toLowerCase()
    .split(',')
    .map((coding) => coding.trim());
  // The last was applied last.
  const unpackers = codings.toReversed().flatMap((coding, index) => unpackerOf(coding, index === 0 ? start : []) ?? []);
  if (unpackers.length > MAX_CODINGS) {
    throw new VserveError('fetch_transport', `The image is compressed more than ${MAX_CODINGS} times.`);
  }
  return unpackers;
}

function isMedia(start: Uint8Array): boolean {
  const isPdf = Buffer.from(start.subarray(0, 5)).toString('latin1') === '%PDF-';
  return isPdf || imageFormatOf(start) !== undefined || videoFormatOf(start) !== undefined;
}

/** `start` is empty if unknown. */
function unpackerOf(coding: string, start: ArrayLike<number>): Transform | undefined {
  switch (coding) {
    case 'gzip':
    case 'x-gzip':
      return createGunzip();
    case 'deflate':
      return start.length === 0 || isZlib(start) ? createInflate() : createInflateRaw();
    case 'br':
      return createBrotliDecompress();
    default:
      return undefined;
  }
}

/** Whether data has a zlib header (RFC 1950), which some servers omit. */
function isZlib({ 0: first = 0, 1: second = 0 }: ArrayLike<number>): boolean {
  return (first & 0x0f) === 8 && ((first << 8) | second) % 31 === 0;
}
