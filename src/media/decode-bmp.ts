import { bmpHeaderOf } from './bmp-header.ts';
import type { BmpHeader } from './bmp-header.ts';
import { unpackRunLengths } from './bmp-run-lengths.ts';
import { onWhite } from './flatten.ts';
import type { Pixels, Reserve } from './pixels.ts';

/** Reads pixel `x` of the row that starts at byte `row`, as 0xRRGGBB. */
type ReadPixel = (row: number, x: number) => number;

/**
 * Decodes a Windows or OS/2 bitmap. Alpha, if present, is flattened on white. Throws a plain `Error` that says
 * what is wrong, or what `reserve` throws.
 */
export function decodeBmp(bytes: Uint8Array, reserve: Reserve): Pixels {
  const header = bmpHeaderOf(bytes);
  const { width, height } = header;
  reserve(width, height);
  const { readPixel, rowBytes } = pixelsOf(bytes.subarray(header.pixelOffset), header);
  const rgb = new Uint8Array(width * height * 3);
  let target = 0;
  for (let line = 0; line < height; line += 1) {
    const row = (header.isTopDown ? line : height - 1 - line) * rowBytes;
    for (let x = 0; x < width; x += 1) {
      const pixel = readPixel(row, x);
      rgb[target] = pixel >> 16;
      rgb[target + 1] = pixel >> 8;
      rgb[target + 2] = pixel;
      target += 3;
    }
  }
  return { width, height, rgb };
}

function pixelsOf(source: Uint8Array, header: BmpHeader): { readPixel: ReadPixel; rowBytes: number } {
  const { width, height, bitsPerPixel, palette, isRunLength } = header;
  if (isRunLength) {
    const indices = unpackRunLengths(source, width, height, bitsPerPixel);
    return { readPixel: paletteReader(indices, 8, palette), rowBytes: width };
  }
  const rowBytes = Math.ceil((width * bitsPerPixel) / 32) * 4;
  // The padding of the last row may be missing.
  if (source.length < rowBytes * (height - 1) + Math.ceil((width * bitsPerPixel) / 8))
    throw new Error('it is truncated');
  if (bitsPerPixel <= 8) return { readPixel: paletteReader(source, bitsPerPixel, palette), rowBytes };
  if (bitsPerPixel === 24) return { readPixel: blueGreenRedReader(source), rowBytes };
  return { readPixel: maskReader(source, rowBytes, header), rowBytes };
}

function blueGreenRedReader(source: Uint8Array): ReadPixel {
  return (row, x) => {
    const at = row + x * 3;
    return ((source[at + 2] ?? 0) << 16) | ((source[at + 1] ?? 0) << 8) | (source[at] ?? 0);
  };
}

/** A pixel is an index into the palette; several can share a byte, the first in the highest bits. */
function paletteReader(source: Uint8Array, bitsPerPixel: number, palette: Uint8Array): ReadPixel {
  const pixelsPerByte = 8 / bitsPerPixel;
  const largest = (1 << bitsPerPixel) - 1;
  const colors = Array.from({ length: largest + 1 }, (_, index) => {
    const [red = 0, green = 0, blue = 0] = palette.subarray(index * 3, index * 3 + 3);
    return (red << 16) | (green << 8) | blue;
  });
  return (row, x) => {
    const byte = source[row + Math.floor(x / pixelsPerByte)] ?? 0;
    return colors[(byte >> (8 - bitsPerPixel * ((x % pixelsPerByte) + 1))) & largest] ?? 0;
  };
}

/** A pixel of 16 or 32 bits, with channels given by the header's masks. */
function maskReader(source: Uint8Array, rowBytes: number, header: BmpHeader): ReadPixel {
  const view = new DataView(source.buffer, source.byteOffset, source.byteLength);
  const packedAt: ReadPixel =
    header.bitsPerPixel === 16
      ? (row, x) => view.getUint16(row + x * 2, true)
      : (row, x) => view.getUint32(row + x * 4, true);
  const red = channelReader(header.masks.red);
  const green = channelReader(header.masks.green);
  const blue = channelReader(header.masks.blue);
  const alpha = channelReader(header.masks.alpha);
  // Many writers declare alpha and leave all of it at zero, which means that there is none.
  if (!isAnyPixel(header, rowBytes, (row, x) => alpha(packedAt(row, x)) > 0)) {
    return (row, x) => {
      const packed = packedAt(row, x);
      return (red(packed) << 16) | (green(packed) << 8) | blue(packed);
    };
  }
  return (row, x) => {
    const packed = packedAt(row, x);
    const opacity = alpha(packed);
    return (
      (onWhite(red(packed), opacity) << 16) | (onWhite(green(packed), opacity) << 8) | onWhite(blue(packed), opacity)
    );
  };
}

/** Extracts a channel from a packed pixel, scaled to 0–255. An empty mask gives 0. */
function channelReader(mask: number): (packed: number) => number {
  if (mask === 0) return () => 0;
  const shift = 31 - Math.clz32(mask & -mask);
  const largest = mask >>> shift;
  return (packed) => Math.floor((((packed & mask) >>> shift) * 255) / largest);
}

function isAnyPixel(
  { width, height }: BmpHeader,
  rowBytes: number,
  matches: (row: number, x: number) => boolean,
): boolean {
  for (let line = 0; line < height; line += 1) {
    for (let x = 0; x < width; x += 1) if (matches(line * rowBytes, x)) return true;
  }
  return false;
}
