/**
 * A decoded image, as every backend takes it: the pixels that the model's own processor sees before it resizes.
 * Orientation is applied, alpha is flattened, colours are sRGB.
 */
export interface Bitmap {
  /** In pixels. */
  readonly width: number;
  /** In pixels. */
  readonly height: number;
  /** `width * height * 3` bytes for each frame, row by row, R G B. */
  readonly rgb: Uint8Array;
  /** Of a video, to be seen as one: see `ModelInfo.video`. Absent is 1. */
  readonly frames?: number;
  /** What `LoadedModel.encodedImage` gave for `id`; it stands for the pixels, and `rgb` is empty. */
  readonly encoded?: object;
  /** The image as a file, for a model with `imagesAs`; `rgb` may be empty then. */
  readonly file?: ImageFile;
  /** Where it is, for a model with `imagesAs` of `urls`: nothing of it was fetched, and its size is 0. */
  readonly url?: string;
  /** SHA-256, in hexadecimal, of size and pixels: equal ids mean equal images. Never supplied by a client. */
  readonly id: string;
}

/** An image in a format that every model server reads. */
export interface ImageFile {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly mediaType: 'image/jpeg' | 'image/png';
}
