import type { BoxConvention, BoxFamily } from './conventions.ts';
import { BOX_CONVENTIONS } from './conventions.ts';
import type { WrittenBox } from './read-boxes.ts';

interface Size {
  readonly width: number;
  readonly height: number;
}

/** Of a picture, as in the details of an image: both upright, in pixels. */
export interface PictureSizes {
  readonly sent: Size;
  /** Needed for families that write pixels. */
  readonly seen?: Size | undefined;
}

/** A box in pixels of the picture as it was sent. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
  readonly label: string;
}

/**
 * Puts a box that a model has written back on the picture: within its sides, corners in order. Throws a `RangeError` where
 * the size that the model saw is needed and missing.
 */
export function toPicture(written: WrittenBox, family: BoxFamily, sizes: PictureSizes): Box {
  return placeBox(written, BOX_CONVENTIONS[family], sizes);
}

/** The same, by how the box is written. */
export function placeBox(written: WrittenBox, { order, steps }: BoxConvention, { sent, seen }: PictureSizes): Box {
  if (steps === 'seen' && seen === undefined) {
    throw new RangeError('The model writes pixels of the picture as it saw it: its size is needed.');
  }
  const across = steps === 'seen' ? (seen?.width ?? 1) : steps;
  const down = steps === 'seen' ? (seen?.height ?? 1) : steps;
  const [a, b, c, d] = written.corners;
  const [xs, ys] =
    order === 'x-first'
      ? [
          [a, c],
          [b, d],
        ]
      : [
          [b, d],
          [a, c],
        ];
  const [left = 0, right = 0] = sorted(xs.map((x) => within((x * sent.width) / across, sent.width)));
  const [top = 0, bottom = 0] = sorted(ys.map((y) => within((y * sent.height) / down, sent.height)));
  return { left, top, right, bottom, label: written.label };
}

function within(value: number, most: number): number {
  return Math.min(most, Math.max(0, value));
}

function sorted(values: readonly number[]): number[] {
  return values.toSorted((a, b) => a - b);
}
