/** A decoded picture: `width * height * 3` bytes, row by row, R G B. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly rgb: Uint8Array<ArrayBuffer>;
}

/**
 * Called with the size that a file's header states, in pixels, before anything of that size is allocated. Throws where
 * the picture would be too large. `bytesPerPixel` is what the file's own pixels take, 3 where they take less.
 */
export type Reserve = (width: number, height: number, bytesPerPixel?: number) => void;
