import type { Pixels, Reserve } from './pixels.ts';

const MAX_SAMPLE = 65_535;
const MAX_NUMBER = 999_999_999;
/** Position of the kind: the magic number is P1 to P6. */
const KIND_AT = 1;
/** Kinds above this one are binary, the others text. */
const LAST_TEXT_KIND = 3;

const ZERO = 0x30;
const HASH = 0x23;
const NEW_LINE = 0x0a;

interface NetpbmHeader {
  readonly isBitmap: boolean;
  readonly isText: boolean;
  readonly channels: 1 | 3;
  readonly width: number;
  readonly height: number;
  /** The largest value of a sample. */
  readonly largest: number;
}

/**
 * Decodes a Netpbm image: PBM, PGM or PPM, as text (P1–P3) or binary (P4–P6); of several in one file, the first.
 * Throws a plain `Error` that says what is wrong, or what `reserve` throws.
 */
export function decodeNetpbm(bytes: Uint8Array, reserve: Reserve): Pixels {
  const reader = new Reader(bytes);
  const header = headerOf(bytes, reader);
  const { isBitmap, isText, channels, width, height, largest } = header;
  reserve(width, height);
  const samples = isText ? reader.samples(width * height * channels, isBitmap) : binarySamples(reader.rest(), header);
  return { width, height, rgb: toRgb(samples, width * height, channels, scaleTo8Bits(largest, isBitmap)) };
}

function headerOf(bytes: Uint8Array, reader: Reader): NetpbmHeader {
  const kind = (bytes[KIND_AT] ?? ZERO) - ZERO;
  const isBitmap = kind % 3 === 1;
  const width = reader.number();
  const height = reader.number();
  const largest = isBitmap ? 1 : reader.number();
  if (largest < 1 || largest > MAX_SAMPLE) throw new Error(`it states a largest value of ${largest}`);
  if (width < 1 || height < 1) throw new Error(`it states a size of ${width}x${height}`);
  return { isBitmap, isText: kind <= LAST_TEXT_KIND, channels: kind % 3 === 0 ? 3 : 1, width, height, largest };
}

function binarySamples(data: Uint8Array, header: NetpbmHeader): Uint8Array | Uint16Array {
  const { isBitmap, channels, width, height, largest } = header;
  const rowBytes = isBitmap ? Math.ceil(width / 8) : width * channels * (largest > 255 ? 2 : 1);
  if (data.length < rowBytes * height) throw new Error('it is truncated');
  if (isBitmap) return unpackBits(data, width, height, rowBytes);
  if (largest <= 255) return data;
  const samples = new Uint16Array(width * height * channels);
  for (let index = 0; index < samples.length; index += 1) {
    samples[index] = ((data[index * 2] ?? 0) << 8) | (data[index * 2 + 1] ?? 0);
  }
  return samples;
}

/** Rows are padded to whole bytes; the first pixel is the highest bit. */
function unpackBits(data: Uint8Array, width: number, height: number, rowBytes: number): Uint8Array {
  const samples = new Uint8Array(width * height);
  for (let y = 0, at = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1, at += 1) {
      samples[at] = ((data[y * rowBytes + (x >> 3)] ?? 0) >> (7 - (x & 7))) & 1;
    }
  }
  return samples;
}

function toRgb(
  samples: Uint8Array | Uint16Array,
  pixels: number,
  channels: 1 | 3,
  scaled: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const rgb = new Uint8Array(pixels * 3);
  if (channels === 3) {
    for (let at = 0; at < rgb.length; at += 1) rgb[at] = scaled[samples[at] ?? 0] ?? 255;
    return rgb;
  }
  for (let pixel = 0, at = 0; pixel < pixels; pixel += 1, at += 3) {
    const value = scaled[samples[pixel] ?? 0] ?? 255;
    rgb[at] = value;
    rgb[at + 1] = value;
    rgb[at + 2] = value;
  }
  return rgb;
}

/** Each sample on a scale of 255. In a bitmap, 1 is black. */
function scaleTo8Bits(largest: number, isBitmap: boolean): Uint8Array {
  if (isBitmap) return Uint8Array.of(255, 0);
  return Uint8Array.from({ length: largest + 1 }, (_, sample) => roundHalfToEven((sample * 255) / largest));
}

/** Like Python's `round`, which Pillow scales with. */
function roundHalfToEven(value: number): number {
  const below = Math.floor(value);
  if (value - below !== 0.5) return Math.round(value);
  return below % 2 === 0 ? below : below + 1;
}

/**
 * Reads decimal numbers separated by white space; `#` starts a comment to the end of the line. A file may have tens of
 * millions of them, so no strings are made.
 */
class Reader {
  readonly #bytes: Uint8Array;
  #position = KIND_AT + 1;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  number(): number {
    this.#skipSpace();
    const start = this.#position;
    let value = 0;
    let digit = digitOf(this.#bytes[this.#position]);
    while (digit !== -1) {
      value = value * 10 + digit;
      this.#position += 1;
      digit = digitOf(this.#bytes[this.#position]);
    }
    const isEnded = this.#position === this.#bytes.length || isSpace(this.#bytes[this.#position] ?? 0);
    if (!isEnded || this.#position === start || value > MAX_NUMBER) throw this.#noNumber(start);
    return value;
  }

  /** Samples as numbers. Those of a bitmap are single digits, with or without space between them. */
  samples(count: number, isBitmap: boolean): Uint16Array {
    const samples = new Uint16Array(count);
    for (let index = 0; index < count; index += 1) {
      samples[index] = isBitmap ? this.#digit() : Math.min(this.number(), MAX_SAMPLE);
    }
    return samples;
  }

  /** The data after the header and the one white space character that ends it. */
  rest(): Uint8Array {
    return this.#bytes.subarray(this.#position + 1);
  }

  #digit(): number {
    this.#skipSpace();
    const digit = digitOf(this.#bytes[this.#position]);
    if (digit === -1) throw this.#noNumber(this.#position);
    this.#position += 1;
    return digit;
  }

  /** Moves to the next number. Throws at the end of the file. */
  #skipSpace(): void {
    const { length } = this.#bytes;
    for (; this.#position < length; this.#position += 1) {
      const byte = this.#bytes[this.#position] ?? 0;
      if (byte === HASH) {
        const end = this.#bytes.indexOf(NEW_LINE, this.#position);
        this.#position = end === -1 ? length : end;
      } else if (!isSpace(byte)) return;
    }
    throw new Error('it is truncated');
  }

  #noNumber(start: number): Error {
    const text = Buffer.from(this.#bytes.subarray(start, start + 20)).toString('latin1');
    return new Error(`it has "${/^\S*/.exec(text)?.[0] ?? ''}" where a number should be`);
  }
}

function digitOf(byte: number | undefined): number {
  return byte !== undefined && byte >= ZERO && byte < ZERO + 10 ? byte - ZERO : -1;
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);
}
