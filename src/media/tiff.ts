import type { Pixels } from './pixels.ts';

const SHORT = 3;
const LONG = 4;
const UNDEFINED = 7;
const HEADER_BYTES = 8;
const ENTRY_BYTES = 12;

type Entry = readonly [tag: number, type: number, count: number, value: number];

/** Pixels as an uncompressed TIFF (version 6.0) with a colour profile, for a decoder that takes none beside raw pixels. */
export function tiffOf({ width, height, rgb }: Pixels, icc: Uint8Array): Buffer {
  const entryCount = 10;
  const depthsAt = HEADER_BYTES + 2 + entryCount * ENTRY_BYTES + 4;
  const profileAt = depthsAt + 6;
  const pixelsAt = profileAt + icc.length + (icc.length % 2);
  const entries: readonly Entry[] = [
    [256, LONG, 1, width],
    [257, LONG, 1, height],
    [258, SHORT, 3, depthsAt],
    // No compression, RGB.
    [259, SHORT, 1, 1],
    [262, SHORT, 1, 2],
    [273, LONG, 1, pixelsAt],
    [277, SHORT, 1, 3],
    [278, LONG, 1, height],
    [279, LONG, 1, rgb.length],
    [34_675, UNDEFINED, icc.length, profileAt],
  ];
  const file = Buffer.alloc(pixelsAt + rgb.length);
  file.write('II*\0', 'latin1');
  file.writeUInt32LE(HEADER_BYTES, 4);
  file.writeUInt16LE(entries.length, HEADER_BYTES);
  for (const [index, [tag, type, count, value]] of entries.entries()) {
    const at = HEADER_BYTES + 2 + index * ENTRY_BYTES;
    file.writeUInt16LE(tag, at);
    file.writeUInt16LE(type, at + 2);
    file.writeUInt32LE(count, at + 4);
    file.writeUInt32LE(value, at + 8);
  }
  for (let channel = 0; channel < 3; channel += 1) file.writeUInt16LE(8, depthsAt + channel * 2);
  file.set(icc, profileAt);
  file.set(rgb, pixelsAt);
  return file;
}
