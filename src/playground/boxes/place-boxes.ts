import type { Size } from '../requests/figures.ts';
import type { FoundBox } from './found-box.ts';

/** What the numbers of a box count: thousandths of the picture, fractions of it, its pixels, or those the model saw. */
export type BoxUnit = 'thousandths' | 'fractions' | 'pixels' | 'seen-pixels';

/** How to read the boxes of an answer. */
export interface BoxReading {
  readonly unit: BoxUnit;
  readonly isYFirst: boolean;
}

/** A box on the picture, in the picture's pixels. */
export interface PlacedBox {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly label: string;
}

/** How the boxes are most likely meant. Most models count thousandths. */
export function guessReading(boxes: readonly FoundBox[]): BoxReading {
  const greatest = Math.max(0, ...boxes.flatMap(({ corners }) => corners));
  const isYFirst = boxes.length > 0 && boxes.every((box) => box.isYFirst);
  if (greatest <= 1) return { unit: 'fractions', isYFirst };
  return { unit: greatest > 1000 ? 'pixels' : 'thousandths', isYFirst };
}

/** @param seen The picture's size as the model saw it. */
export function placeBox(box: FoundBox, reading: BoxReading, picture: Size, seen: Size = picture): PlacedBox {
  const [a, b, c, d] = box.corners;
  const [left, top, right, bottom] = reading.isYFirst ? [b, a, d, c] : [a, b, c, d];
  const whole = WHOLES[reading.unit](picture, seen);
  const across = (value: number): number => clamp(value / whole.width) * picture.width;
  const down = (value: number): number => clamp(value / whole.height) * picture.height;
  return {
    x: across(left),
    y: down(top),
    width: across(right) - across(left),
    height: down(bottom) - down(top),
    label: box.label,
  };
}

/** What the right and the bottom edge of the picture are in each unit. */
const WHOLES: Readonly<Record<BoxUnit, (picture: Size, seen: Size) => Size>> = {
  thousandths: () => ({ width: 1000, height: 1000 }),
  fractions: () => ({ width: 1, height: 1 }),
  pixels: (picture) => picture,
  'seen-pixels': (_picture, seen) => seen,
};

function clamp(fraction: number): number {
  return Math.min(1, Math.max(0, fraction));
}
