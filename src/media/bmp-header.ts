/** Which bits of a pixel hold a channel. 0 where the pixels have no such channel. */
export interface ChannelMasks {
  readonly red: number;
  readonly green: number;
  readonly blue: number;
  readonly alpha: number;
}

/** The validated headers of a bitmap. */
export interface BmpHeader {
  readonly width: number;
  readonly height: number;
  readonly isTopDown: boolean;
  readonly bitsPerPixel: 1 | 4 | 8 | 16 | 24 | 32;
  readonly isRunLength: boolean;
  /** For 16 and 32 bits per pixel. */
  readonly masks: ChannelMasks;
  /** R G B for each entry, for up to 8 bits per pixel. */
  readonly palette: Uint8Array;
  /** Where the pixels begin, in bytes from the start of the file. */
  readonly pixelOffset: number;
}

const FILE_HEADER_BYTES = 14;
/** OS/2 bitmaps: 16-bit sizes, three-byte palette entries. */
const CORE_HEADER_BYTES = 12;
const INFO_HEADER_BYTES = 40;
/** Headers from this size on contain the red, green and blue masks; from the next size on, the alpha mask. */
const MASKS_HEADER_BYTES = 52;
const ALPHA_HEADER_BYTES = 56;
const HEADER_SIZES = [CORE_HEADER_BYTES, INFO_HEADER_BYTES, MASKS_HEADER_BYTES, ALPHA_HEADER_BYTES, 64, 108, 124];

const RGB = 0;
const RLE8 = 1;
const RLE4 = 2;
const BITFIELDS = 3;

const DEFAULT_MASKS_16: ChannelMasks = { red: 0x7c00, green: 0x03e0, blue: 0x001f, alpha: 0 };
const DEFAULT_MASKS_32: ChannelMasks = { red: 0xff0000, green: 0xff00, blue: 0xff, alpha: 0 };

/**
 * Reads the headers of a bitmap: BITMAPFILEHEADER, then BITMAPCOREHEADER or BITMAPINFOHEADER and its later versions, as
 * documented for Windows GDI. Throws a plain `Error` that says what is wrong.
 */
export function bmpHeaderOf(bytes: Uint8Array): BmpHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < FILE_HEADER_BYTES + CORE_HEADER_BYTES) throw new Error('it is truncated');
  const headerBytes = view.getUint32(14, true);
  if (!HEADER_SIZES.includes(headerBytes)) throw new Error(`it has an unknown header of ${headerBytes} bytes`);
  if (bytes.length < FILE_HEADER_BYTES + headerBytes) throw new Error('it is truncated');

  const isCore = headerBytes === CORE_HEADER_BYTES;
  const width = isCore ? view.getUint16(18, true) : view.getInt32(18, true);
  const signedHeight = isCore ? view.getUint16(20, true) : view.getInt32(22, true);
  const bitsPerPixel = view.getUint16(isCore ? 24 : 28, true);
  const compression = isCore ? RGB : view.getUint32(30, true);
  if (width <= 0 || signedHeight === 0) throw new Error(`it states a size of ${width}x${signedHeight}`);
  if (!isBitsPerPixel(bitsPerPixel)) throw new Error(`${bitsPerPixel} bits per pixel are not supported`);
  requireCompression(compression, bitsPerPixel);

  const hasMasksBehind = compression === BITFIELDS && headerBytes === INFO_HEADER_BYTES;
  const paletteOffset = FILE_HEADER_BYTES + headerBytes + (hasMasksBehind ? 12 : 0);
  if (bytes.length < paletteOffset) throw new Error('it is truncated');
  const palette =
    bitsPerPixel <= 8
      ? paletteAt(bytes, paletteOffset, isCore ? 3 : 4, entriesOf(view, isCore, bitsPerPixel))
      : undefined;
  return {
    width,
    height: Math.abs(signedHeight),
    isTopDown: signedHeight < 0,
    bitsPerPixel,
    isRunLength: compression === RLE8 || compression === RLE4,
    masks:
      compression === BITFIELDS
        ? masksOf(view, headerBytes)
        : bitsPerPixel === 16
          ? DEFAULT_MASKS_16
          : DEFAULT_MASKS_32,
    palette: palette?.rgb ?? new Uint8Array(),
    pixelOffset: view.getUint32(10, true) || (palette?.end ?? paletteOffset),
  };
}

function isBitsPerPixel(bits: number): bits is BmpHeader['bitsPerPixel'] {
  return [1, 4, 8, 16, 24, 32].includes(bits);
}

function requireCompression(compression: number, bitsPerPixel: number): void {
  const fits =
    compression === RGB ||
    (compression === RLE8 && bitsPerPixel === 8) ||
    (compression === RLE4 && bitsPerPixel === 4) ||
    (compression === BITFIELDS && (bitsPerPixel === 16 || bitsPerPixel === 32));
  if (!fits) throw new Error(`compression ${compression} with ${bitsPerPixel} bits per pixel is not supported`);
}

/** The number of palette entries: 0 means the maximum for the pixel size. */
function entriesOf(view: DataView, isCore: boolean, bitsPerPixel: number): number {
  const most = 1 << bitsPerPixel;
  const stated = isCore ? 0 : view.getUint32(46, true);
  return stated === 0 ? most : Math.min(stated, most);
}

function paletteAt(
  bytes: Uint8Array,
  offset: number,
  entryBytes: number,
  entries: number,
): { rgb: Uint8Array; end: number } {
  const end = offset + entries * entryBytes;
  if (bytes.length < end) throw new Error('it is truncated');
  const rgb = new Uint8Array(entries * 3);
  for (let entry = 0; entry < entries; entry += 1) {
    const at = offset + entry * entryBytes;
    rgb.set([bytes[at + 2] ?? 0, bytes[at + 1] ?? 0, bytes[at] ?? 0], entry * 3);
  }
  return { rgb, end };
}

function masksOf(view: DataView, headerBytes: number): ChannelMasks {
  const at = FILE_HEADER_BYTES + INFO_HEADER_BYTES;
  const masks = {
    red: view.getUint32(at, true),
    green: view.getUint32(at + 4, true),
    blue: view.getUint32(at + 8, true),
    alpha: headerBytes >= ALPHA_HEADER_BYTES && headerBytes !== 64 ? view.getUint32(at + 12, true) : 0,
  };
  if (!Object.values(masks).every(isContiguous)) throw new Error('its channels have unusual bit masks');
  return masks;
}

/** Whether the set bits of a mask are contiguous. */
function isContiguous(mask: number): boolean {
  return /^1*0*$/.test(mask === 0 ? '' : mask.toString(2));
}
