export type ImageFormat = 'png' | 'jpeg' | 'webp' | 'gif' | 'tiff' | 'heif' | 'bmp' | 'netpbm';

/** The supported formats, for error messages. */
export const SUPPORTED_FORMATS = 'PNG, JPEG, WEBP, GIF, BMP, TIFF, AVIF or PPM';

const SIGNATURES: readonly (readonly [ImageFormat, RegExp])[] = [
  ['png', /^\x89PNG\r\n/],
  ['jpeg', /^\xff\xd8\xff/],
  ['webp', /^RIFF[^]{4}WEBP/],
  ['gif', /^GIF8[79]a/],
  ['tiff', /^(?:II[*+]\0|MM\0[*+])/],
  ['heif', /^[^]{4}ftyp(?:avif|avis|mif1|msf1|heic|heix|hevc|heim|heis|hevm|hevs)/],
  ['bmp', /^BM/],
  ['netpbm', /^P[1-6][\s#]/],
];

/** The longest signature, in bytes. */
export const SIGNATURE_BYTES = 16;

/** Recognizes a file by its first bytes, whatever its name or media type; undefined for anything else. */
export function imageFormatOf(bytes: Uint8Array): ImageFormat | undefined {
  const start = Buffer.from(bytes.subarray(0, SIGNATURE_BYTES)).toString('latin1');
  return SIGNATURES.find(([, signature]) => signature.test(start))?.[0];
}
