import type { Pixels, Reserve } from './pixels.ts';

const isBitmapKind = (kind: number): boolean => kind === 1 || kind === 4;
const isColorKind = (kind: number): boolean => kind === 3 || kind === 6;
/** Kinds above this one are binary, the others are text. */
const LAST_TEXT_KIND = 3;
const MAX_SAMPLE = 65_535;

/**
 * Decodes a Netpbm picture: PBM, PGM or PPM, as text (P1–P3) or binary (P4–P6); of several in one file, the first.
 * Throws a plain `Error` that says what is wrong, or what `reserve` throws.
 */
export function decodeNetpbm(bytes: Uint8Array, reserve: Reserve): Pixels {
  const tokens = new TokenReader(bytes);
  const kind = Number(tokens.next().slice(1));
  const width = numberIn(tokens.next());
  const height = numberIn(tokens.next());
  const largest = isBitmapKind(kind) ? 1 : numberIn(tokens.next());
  if (largest < 1 || largest > MAX_SAMPLE) throw new Error(`it states a largest value of ${largest}`);
  if (width < 1 || height < 1) throw new Error(`it states a size of ${width}x${height}`);
  reserve(width, height);
  const channels = isColorKind(kind) ? 3 : 1;
  const count = width * height * channels;
  const sampleAt =
    kind > LAST_TEXT_KIND
      ? binarySamples(tokens.rest(), kind, { width, height, channels, largest })
      : textSamples(tokens, kind, count);
  const scaled = scaleTo8Bits(largest, isBitmapKind(kind));
  const rgb = new Uint8Array(width * height * 3);
  for (let index = 0; index < count; index += 1) {
    const value = scaled[sampleAt(index)] ?? 255;
    if (channels === 3) rgb[index] = value;
    else rgb.fill(value, index * 3, index * 3 + 3);
  }
  return { width, height, rgb };
}

type SampleAt = (index: number) => number;

function binarySamples(
  data: Uint8Array,
  kind: number,
  { width, height, channels, largest }: { width: number; height: number; channels: number; largest: number },
): SampleAt {
  const rowBytes = isBitmapKind(kind) ? Math.ceil(width / 8) : width * channels * (largest > 255 ? 2 : 1);
  if (data.length < rowBytes * height) throw new Error('it is cut short');
  if (isBitmapKind(kind)) {
    return (index) => {
      const x = index % width;
      return ((data[Math.floor(index / width) * rowBytes + (x >> 3)] ?? 0) >> (7 - (x & 7))) & 1;
    };
  }
  if (largest <= 255) return (index) => data[index] ?? 0;
  return (index) => ((data[index * 2] ?? 0) << 8) | (data[index * 2 + 1] ?? 0);
}

/** Samples as decimal numbers; those of a bitmap are single digits that need no space between them. */
function textSamples(tokens: TokenReader, kind: number, count: number): SampleAt {
  const samples = new Uint16Array(count);
  for (let filled = 0; filled < count;) {
    const token = tokens.next();
    for (const number of isBitmapKind(kind) ? token : [token]) {
      samples[filled] = Math.min(numberIn(number), MAX_SAMPLE);
      filled += 1;
    }
  }
  return (index) => samples[index] ?? 0;
}

/** What each sample is on a scale of 255. In a bitmap, 1 is black. */
function scaleTo8Bits(largest: number, isBitmap: boolean): Uint8Array {
  if (isBitmap) return Uint8Array.of(255, 0);
  return Uint8Array.from({ length: largest + 1 }, (_, sample) => roundHalfToEven((sample * 255) / largest));
}

/** As Python's `round`, with which Pillow scales. */
function roundHalfToEven(value: number): number {
  const below = Math.floor(value);
  if (value - below !== 0.5) return Math.round(value);
  return below % 2 === 0 ? below : below + 1;
}

function numberIn(token: string): number {
  if (!/^\d{1,9}$/.test(token)) throw new Error(`it has "${token.slice(0, 20)}" where a number should be`);
  return Number(token);
}

/** Reads what stands between white space; `#` begins a comment that ends with its line. */
class TokenReader {
  readonly #bytes: Uint8Array;
  #position = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  next(): string {
    while (isSpace(this.#bytes[this.#position]) || this.#bytes[this.#position] === HASH) this.#skip();
    const start = this.#position;
    while (this.#position < this.#bytes.length && !isSpace(this.#bytes[this.#position])) this.#position += 1;
    if (start === this.#position) throw new Error('it is cut short');
    return Buffer.from(this.#bytes.subarray(start, this.#position)).toString('latin1');
  }

  /** What follows the one white space character behind the header. */
  rest(): Uint8Array {
    return this.#bytes.subarray(this.#position + 1);
  }

  #skip(): void {
    if (this.#bytes[this.#position] !== HASH) {
      this.#position += 1;
      return;
    }
    const end = this.#bytes.indexOf(NEW_LINE, this.#position);
    this.#position = end === -1 ? this.#bytes.length : end;
  }
}

const HASH = 0x23;
const NEW_LINE = 0x0a;

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || (byte !== undefined && byte >= 0x09 && byte <= 0x0d);
}
