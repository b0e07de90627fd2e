import type { Transform } from 'node:stream';
import * as zlib from 'node:zlib';
import { messageOf, VserveError } from '../errors/index.ts';

type Open = (start: Uint8Array) => Transform;

/** How each coding is undone. Which of them there are depends on Node's version. */
const DECODERS: ReadonlyMap<string, Open> = new Map<string, Open>([
  ['gzip', () => zlib.createGunzip()],
  ['x-gzip', () => zlib.createGunzip()],
  ['deflate', (start) => (hasZlibHeader(start) ? zlib.createInflate() : zlib.createInflateRaw())],
  ['br', () => zlib.createBrotliDecompress()],
  ...zstandard(),
]);

/** The codings of bodies that the server reads, as in `Accept-Encoding`. */
export const acceptedEncodings = [...DECODERS.keys()].filter((coding) => coding !== 'x-gzip').join(', ');

/** Undoes the coding of a body. */
export type Decode = (chunks: AsyncIterable<Uint8Array>) => AsyncGenerator<Uint8Array, void, undefined>;

/**
 * How to undo a body's Content-Encoding; undefined if there is none. Throws `unsupported_encoding`. Decoding throws
 * `invalid_request` for a body that is not in its coding; it takes no more of the body than the reader asks for, and a few
 * kilobytes of memory.
 */
export function decoderOf(contentEncoding: string | undefined): Decode | undefined {
  const coding = contentEncoding?.trim().toLowerCase() ?? '';
  if (coding === '' || coding === 'identity') return undefined;
  const open = DECODERS.get(coding);
  if (open !== undefined) return (chunks) => decode(chunks, coding, open);
  throw new VserveError(
    'unsupported_encoding',
    `Content-Encoding ${coding.slice(0, 40)} is not supported. Send the body unencoded, or in one of ${acceptedEncodings}.`,
  );
}

async function* decode(
  chunks: AsyncIterable<Uint8Array>,
  coding: string,
  open: Open,
): AsyncGenerator<Uint8Array, void, undefined> {
  let decoder: Decoder | undefined;
  try {
    for await (const chunk of chunks) {
      if (chunk.length === 0) continue;
      decoder ??= new Decoder(open(chunk), coding);
      yield* decoder.write(chunk);
    }
    if (decoder !== undefined) yield* decoder.end();
  } finally {
    decoder?.close();
  }
}

/** A transform that is written and read by turns, so that neither side runs ahead of the other. */
class Decoder {
  readonly #transform: Transform;
  readonly #coding: string;
  #failure: Error | undefined;
  #wake: () => void = () => undefined;

  constructor(transform: Transform, coding: string) {
    this.#transform = transform;
    this.#coding = coding;
    transform.on('readable', () => this.#wake());
    transform.on('end', () => this.#wake());
    transform.on('error', (error) => {
      this.#failure = error;
      this.#wake();
    });
  }

  /** Decodes a chunk. */
  async *write(chunk: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
    let isTaken = false;
    this.#transform.write(chunk, () => {
      isTaken = true;
      this.#wake();
    });
    yield* this.#pieces(() => isTaken);
  }

  /** Decodes what is left. */
  async *end(): AsyncGenerator<Uint8Array, void, undefined> {
    this.#transform.end();
    yield* this.#pieces(() => this.#transform.readableEnded);
  }

  close(): void {
    this.#transform.destroy();
  }

  async *#pieces(isDone: () => boolean): AsyncGenerator<Uint8Array, void, undefined> {
    for (;;) {
      const piece = this.#transform.read() as Uint8Array | null;
      if (this.#failure !== undefined) throw this.#notInCoding(this.#failure);
      if (piece !== null) yield piece;
      else if (isDone()) return;
      else await this.#change();
    }
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #notInCoding(cause: Error): VserveError {
    const message = `The body is not ${this.#coding}, as its Content-Encoding says: ${messageOf(cause)}.`;
    return new VserveError('invalid_request', message, { cause });
  }
}

/** Whether data begins with a zlib header (RFC 1950), which some clients leave out. */
function hasZlibHeader({ 0: first = 0 }: Uint8Array): boolean {
  return (first & 0x0f) === 8;
}

/** Node has Zstandard since 22.15. */
function zstandard(): [string, Open][] {
  if (!('createZstdDecompress' in zlib) || typeof zlib.createZstdDecompress !== 'function') return [];
  const create = zlib.createZstdDecompress as () => Transform;
  return [['zstd', () => create()]];
}
