import { BOX_CONVENTIONS, boxFamilyOf } from '../../boxes/conventions.ts';
import { placeBox } from '../../boxes/to-picture.ts';
import type { Box, PictureSizes } from '../../boxes/to-picture.ts';
import type { FoundBox } from './find-boxes.ts';

/** What a coordinate counts: so many steps from edge to edge, or pixels of the picture as it was sent, or as it was seen. */
export type BoxUnit = number | 'sent' | 'seen';

/** How to read the boxes of an answer. */
export interface BoxReading {
  readonly unit: BoxUnit;
  readonly order: 'x-first' | 'y-first';
}

const THOUSANDTHS = 1000;

/**
 * How the boxes are meant: as the model was taught to write them, or as is most likely.
 *
 * @param projector The kind of the model's vision projector, if the server tells it.
 */
export function guessReading(boxes: readonly FoundBox[], projector = ''): BoxReading {
  const order = boxes.length > 0 && boxes.every(({ isYFirst }) => isYFirst) ? 'y-first' : 'x-first';
  const family = boxFamilyOf(projector);
  const greatest = Math.max(0, ...boxes.flatMap(({ corners }) => corners));
  const taught = family === undefined ? undefined : BOX_CONVENTIONS[family];
  // What does not fit was written in another way, as a question may have asked.
  if (taught !== undefined && (taught.steps === 'seen' || isLikely(greatest, taught.steps))) {
    return { unit: taught.steps, order: taught.order };
  }
  if (greatest <= 1) return { unit: 1, order };
  return { unit: greatest > THOUSANDTHS ? 'sent' : THOUSANDTHS, order };
}

/** Whether coordinates up to this may be parts of so many steps. Fractions of a thousand steps are not. */
function isLikely(greatest: number, steps: number): boolean {
  return greatest <= steps && (steps === 1 || greatest > 1);
}

/** Puts a box on the picture. Where it is not known how the picture was seen, it is taken to have kept its size. */
export function readBox(box: FoundBox, { unit, order }: BoxReading, { sent, seen = sent }: PictureSizes): Box {
  if (unit === 'sent') return placeBox(box, { order, steps: 'seen' }, { sent, seen: sent });
  return placeBox(box, { order, steps: unit }, { sent, seen });
}
