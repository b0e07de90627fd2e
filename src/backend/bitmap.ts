/**
 * A decoded picture, as every backend takes it: the pixels that the model's own processor would see before it resizes.
 * Orientation is applied, alpha is flattened, the colours are sRGB.
 */
export interface Bitmap {
  /** In pixels. */
  readonly width: number;
  /** In pixels. */
  readonly height: number;
  /** `width * height * 3` bytes, row by row, R G B. */
  readonly rgb: Uint8Array;
  /** SHA-256, in hexadecimal, of the size and the pixels: equal ids mean equal pictures. Never taken from a client. */
  readonly id: string;
}
