const END_OF_LINE = 0;
const END_OF_BITMAP = 1;
const DELTA = 2;

/**
 * Unpacks the pixels of a bitmap in BI_RLE8 or BI_RLE4 (Windows GDI documentation, "Bitmap Compression") to one byte
 * per pixel, rows in file order, without padding. Skipped pixels are 0. Throws a plain `Error`.
 */
export function unpackRunLengths(packed: Uint8Array, width: number, height: number, bitsPerPixel: number): Uint8Array {
  const indices = new Uint8Array(width * height);
  let x = 0;
  let y = 0;
  const put = (index: number): void => {
    // Pixels past the end of a row are dropped.
    if (x < width && y < height) indices[y * width + x] = index;
    x += 1;
  };
  const isNibbles = bitsPerPixel === 4;
  const pixelOf = (byte: number, position: number): number =>
    isNibbles ? (position % 2 === 0 ? byte >> 4 : byte & 0x0f) : byte;

  for (let at = 0; y < height;) {
    const count = packed[at];
    const value = packed[at + 1];
    if (count === undefined || value === undefined) {
      if (y === height - 1 && x >= width) break;
      throw new Error('it is truncated');
    }
    at += 2;
    if (count > 0) {
      for (let position = 0; position < count; position += 1) put(pixelOf(value, position));
    } else if (value === END_OF_LINE) {
      x = 0;
      y += 1;
    } else if (value === END_OF_BITMAP) {
      break;
    } else if (value === DELTA) {
      x += packed[at] ?? 0;
      y += packed[at + 1] ?? 0;
      at += 2;
    } else {
      const length = isNibbles ? Math.ceil(value / 2) : value;
      if (at + length > packed.length) throw new Error('it is truncated');
      for (let position = 0; position < value; position += 1) {
        put(pixelOf(packed[at + (isNibbles ? position >> 1 : position)] ?? 0, position));
      }
      at += length + (length % 2);
    }
  }
  return indices;
}
