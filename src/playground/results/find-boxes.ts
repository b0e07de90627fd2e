import { readBoxes } from '../../boxes/read-boxes.ts';
import type { WrittenBox } from '../../boxes/read-boxes.ts';
import { isRecord, numberAt, parseJson, textAt } from '../requests/json.ts';
import type { JsonRecord } from '../requests/json.ts';
import { jsonValuesIn } from './json-in-text.ts';

/** A box as a model wrote it. */
export interface FoundBox extends WrittenBox {
  /** Its key says that the corners are y, x, y, x: Gemini's and Gemma's `box_2d`. */
  readonly isYFirst: boolean;
}

type Corners = WrittenBox['corners'];

const BOX_KEY = /^(?:b?box(?:es)?(?:_?2d)?|bounding_?box(?:es)?|bboxes|xyxy|rect(?:angle)?|coordinates|region)$/i;
/** What stands before coordinates that are not in JSON. */
const TAG = /<(?:box|\|box_start\||\|det\||\|begin_of_box\||loc_\d+|\|LOC_\d+\|)>/;
const Y_FIRST_KEY = /^box_?2d$/i;
const LABEL_KEYS = ['label', 'name', 'class', 'category', 'object', 'text_content', 'text', 'caption', 'description'];
/** Names of the four sides: left, top, right, bottom. */
const SIDES = [
  ['x1', 'y1', 'x2', 'y2'],
  ['xmin', 'ymin', 'xmax', 'ymax'],
  ['x_min', 'y_min', 'x_max', 'y_max'],
  ['left', 'top', 'right', 'bottom'],
] as const;
/** Names of a corner and the size. */
const EXTENTS = [
  ['x', 'y', 'width', 'height'],
  ['x', 'y', 'w', 'h'],
  ['left', 'top', 'width', 'height'],
] as const;

/** The boxes in an answer: in JSON of any shape, wherever it stands, or between the tags that some models write. */
export function findBoxes(text: string): readonly FoundBox[] {
  if (TAG.test(text)) return readBoxes(text).map((box) => ({ ...box, isYFirst: false }));
  const whole = parseJson(text);
  const values = whole === undefined ? jsonValuesIn(text) : [whole];
  return values.flatMap((value) => boxesIn(value, { label: '', mayBeBare: true }));
}

interface Place {
  readonly label: string;
  /** Four numbers are a box: nothing that encloses them says that they are something else. */
  readonly mayBeBare: boolean;
  readonly isYFirst?: boolean;
}

function boxesIn(value: unknown, place: Place): readonly FoundBox[] {
  if (Array.isArray(value)) {
    const corners = place.mayBeBare ? cornersIn(value) : undefined;
    if (corners !== undefined) return [{ corners, label: place.label, isYFirst: place.isYFirst ?? false }];
    return value.flatMap((item) => boxesIn(item, place));
  }
  if (!isRecord(value)) return [];
  const label = labelIn(value) ?? place.label;
  const corners = sidesIn(value);
  if (corners !== undefined) return [{ corners, label, isYFirst: false }];
  return Object.entries(value).flatMap(([key, inner]) =>
    boxesIn(inner, { label, mayBeBare: BOX_KEY.test(key), isYFirst: Y_FIRST_KEY.test(key) }),
  );
}

function cornersIn(value: readonly unknown[]): Corners | undefined {
  if (value.length !== 4 || !value.every((item) => typeof item === 'number' && Number.isFinite(item))) return undefined;
  const [a, b, c, d] = value as unknown as Corners;
  return c > a && d > b && a >= 0 && b >= 0 ? [a, b, c, d] : undefined;
}

function sidesIn(value: JsonRecord): Corners | undefined {
  for (const names of SIDES) {
    const sides = numbersOf(value, names);
    if (sides !== undefined) return cornersIn(sides);
  }
  for (const names of EXTENTS) {
    const extent = numbersOf(value, names);
    if (extent === undefined) continue;
    const [x, y, width, height] = extent;
    return cornersIn([x, y, x + width, y + height]);
  }
  return undefined;
}

function numbersOf(value: JsonRecord, names: readonly [string, string, string, string]): Corners | undefined {
  const numbers = names.map((name) => numberAt(value, name));
  return numbers.every((number) => number !== undefined) ? (numbers as unknown as Corners) : undefined;
}

function labelIn(value: JsonRecord): string | undefined {
  const key = LABEL_KEYS.find((name) => textAt(value, name) !== undefined);
  return key === undefined ? undefined : textAt(value, key);
}
