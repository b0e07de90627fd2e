export type ImageFormat = 'png' | 'jpeg' | 'webp' | 'gif' | 'tiff' | 'heif' | 'bmp' | 'netpbm';

/** The supported formats, for error messages. */
export const SUPPORTED_FORMATS = 'PNG, JPEG, WEBP, GIF, BMP, TIFF, AVIF, HEIC or PPM';

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

/** Whether a HEIF file is a sequence of images, which is a video to who asks for one. */
export function isImageSequence(bytes: Uint8Array): boolean {
  const start = Buffer.from(bytes.subarray(0, SIGNATURE_BYTES)).toString('latin1');
  return /^[^]{4}ftyp(?:avis|msf1|hevc|hevm|hevs)/.test(start);
}

/** Whether a file is a PNG with the animation chunk of APNG, which stands before the image data. */
export function isAnimatedPng(bytes: Uint8Array): boolean {
  if (imageFormatOf(bytes) !== 'png') return false;
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const data = file.indexOf('IDAT', 0, 'latin1');
  const control = file.indexOf('acTL', 0, 'latin1');
  return control !== -1 && (data === -1 || control < data);
}
