export type ImageFormat = 'png' | 'jpeg' | 'webp' | 'gif' | 'tiff' | 'heif' | 'bmp' | 'netpbm';

/** What a person is told when a file is none of these. */
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

/** What a file is by its first bytes, whatever its name or media type says; undefined for anything else. */
export function imageFormatOf(bytes: Uint8Array): ImageFormat | undefined {
  const start = Buffer.from(bytes.subarray(0, SIGNATURE_BYTES)).toString('latin1');
  return SIGNATURES.find(([, signature]) => signature.test(start))?.[0];
}
