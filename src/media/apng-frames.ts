import { crc32 } from 'node:zlib';

/** What happens to a frame's place after it was shown. */
export type Disposal = 'none' | 'background' | 'previous';

/** A frame of an animated PNG. */
export interface ApngFrame {
  /** Its place on the canvas, in pixels. */
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  readonly delayMs: number;
  readonly disposal: Disposal;
  /** Drawn over what is there, by its alpha; otherwise in its place. */
  readonly isOver: boolean;
  /** Its pixels, as in IDAT chunks. */
  readonly data: readonly Uint8Array[];
}

export interface Apng {
  readonly width: number;
  readonly height: number;
  readonly frames: readonly ApngFrame[];
  /** A PNG of one frame. */
  readonly pngOf: (frame: ApngFrame) => Buffer;
}

const SIGNATURE_BYTES = 8;
/** Length, type and CRC. */
const CHUNK_OVERHEAD_BYTES = 12;
const CONTROL_BYTES = 26;
const SEQUENCE_BYTES = 4;
const HEADER_BYTES = 13;
const DISPOSALS: readonly Disposal[] = ['none', 'background', 'previous'];
/** Those of the whole file that say what its pixels mean. */
const SHARED: ReadonlySet<string> = new Set(['PLTE', 'tRNS', 'gAMA', 'cHRM', 'sRGB', 'iCCP', 'cICP', 'sBIT']);

interface Chunk {
  readonly type: string;
  readonly data: Buffer;
}

interface GrowingFrame extends ApngFrame {
  readonly data: Uint8Array[];
}

/** Takes an animated PNG apart, as its specification has it. Throws an `Error` for what is damaged. */
export function readApng(file: Uint8Array): Apng {
  const frames: GrowingFrame[] = [];
  const shared: Buffer[] = [];
  let header: Buffer | undefined;
  for (const { type, data } of chunksOf(file)) {
    if (type === 'IHDR') header = data;
    else if (type === 'fcTL') frames.push(frameOf(data));
    // Without a control before it, the picture for those who know no animations is no part of it.
    else if (type === 'IDAT') frames.at(-1)?.data.push(data);
    else if (type === 'fdAT') frames.at(-1)?.data.push(data.subarray(SEQUENCE_BYTES));
    else if (SHARED.has(type)) shared.push(chunk(type, data));
  }
  if (header?.length !== HEADER_BYTES) throw new Error('it has no header');
  const [width, height, form] = [header.readUInt32BE(0), header.readUInt32BE(4), header.subarray(8)];
  const outside = frames.find((frame) => frame.left + frame.width > width || frame.top + frame.height > height);
  if (outside !== undefined) throw new Error('a frame lies outside of it');
  const pngOf = (frame: ApngFrame): Buffer => {
    const size = Buffer.alloc(8);
    size.writeUInt32BE(frame.width, 0);
    size.writeUInt32BE(frame.height, 4);
    const parts = [
      chunk('IHDR', Buffer.concat([size, form])),
      ...shared,
      ...frame.data.map((data) => chunk('IDAT', data)),
    ];
    return Buffer.concat([file.subarray(0, SIGNATURE_BYTES), ...parts, chunk('IEND', Buffer.alloc(0))]);
  };
  return { width, height, frames: frames.filter(({ data }) => data.length > 0), pngOf };
}

function* chunksOf(file: Uint8Array): Generator<Chunk> {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  let at = SIGNATURE_BYTES;
  while (at + CHUNK_OVERHEAD_BYTES <= bytes.length) {
    const length = bytes.readUInt32BE(at);
    if (at + CHUNK_OVERHEAD_BYTES + length > bytes.length) throw new Error('it ends in the middle');
    const type = bytes.toString('latin1', at + 4, at + 8);
    if (type === 'IEND') return;
    yield { type, data: bytes.subarray(at + 8, at + 8 + length) };
    at += CHUNK_OVERHEAD_BYTES + length;
  }
  throw new Error('it ends in the middle');
}

function frameOf(control: Buffer): GrowingFrame {
  if (control.length !== CONTROL_BYTES) throw new Error('a frame has no size');
  const [width, height] = [control.readUInt32BE(4), control.readUInt32BE(8)];
  if (width === 0 || height === 0) throw new Error('a frame has no size');
  const [delay, parts] = [control.readUInt16BE(20), control.readUInt16BE(22)];
  return {
    width,
    height,
    left: control.readUInt32BE(12),
    top: control.readUInt32BE(16),
    delayMs: (1000 * delay) / (parts === 0 ? 100 : parts),
    disposal: DISPOSALS[control.readUInt8(24)] ?? 'none',
    isOver: control.readUInt8(25) === 1,
    data: [],
  };
}

function chunk(type: string, data: Uint8Array): Buffer {
  const whole = Buffer.alloc(CHUNK_OVERHEAD_BYTES + data.length);
  whole.writeUInt32BE(data.length, 0);
  whole.write(type, 4, 'latin1');
  whole.set(data, 8);
  whole.writeUInt32BE(crc32(whole.subarray(4, 8 + data.length)), 8 + data.length);
  return whole;
}
