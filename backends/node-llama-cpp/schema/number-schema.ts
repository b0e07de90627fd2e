import type { JsonObject, JsonValue } from '../../../src/backend/index.ts';
import { numberAt } from './json-kinds.ts';
import { multiplesRule } from './multiples.ts';
import { type Bound, numberRange } from './number-range.ts';
import { memberOf, refuse, refuseEmpty } from './refuse.ts';
import type { SchemaReader } from './schema-reader.ts';

const mostDecimals = 16;
/** Of a double, and never infinite. */
const anyNumber = '"-"? ("0" | [1-9] [0-9]{0,15}) ("." [0-9]{1,16})? ([eE] [-+]? [0-9] [0-9]?)?';

export function numberSchema(
  type: 'integer' | 'number',
  schema: JsonObject,
  path: string,
  reader: SchemaReader,
): JsonObject {
  const min = boundOf(schema, ['minimum', 'exclusiveMinimum'], (a, b) => a > b, path);
  const max = boundOf(schema, ['maximum', 'exclusiveMaximum'], (a, b) => a < b, path);
  const step = stepOf(schema['multipleOf'], path);
  const decimals = step === undefined ? undefined : decimalsOf(step);
  if (step !== undefined && decimals === undefined) {
    const rule = multiplesRule({ min, max, step, isInteger: type === 'integer' }, memberOf(path, 'multipleOf'), reader);
    return rule === undefined ? noNumber(min, path) : reader.leaves.add(rule);
  }
  if (min === undefined && max === undefined && !(decimals !== undefined && decimals > 0)) {
    return type === 'integer' || decimals === 0 ? { type: 'integer' } : reader.leaves.add(anyNumber);
  }
  const most = type === 'integer' ? 0 : (decimals ?? Math.min(mostDecimals, Math.max(6, placesOf(min), placesOf(max))));
  const gbnf = numberRange({ min, max, decimals: most });
  return gbnf === undefined ? noNumber(min, path) : reader.leaves.add(gbnf);
}

function noNumber(min: Bound | undefined, path: string): never {
  return refuseEmpty(memberOf(path, min === undefined ? 'maximum' : 'minimum'), 'No number is within the bounds.');
}

function boundOf(
  schema: JsonObject,
  [inclusive, exclusive]: readonly [string, string],
  isInner: (a: number, b: number) => boolean,
  path: string,
): Bound | undefined {
  const [value, beyond] = [schema[inclusive], schema[exclusive]];
  // Draft 4's `exclusiveMinimum` was a flag.
  const isFlag = typeof beyond === 'boolean';
  const closed =
    value === undefined ? undefined : { value: numberAt(value, memberOf(path, inclusive)), exclusive: beyond === true };
  const open =
    beyond === undefined || isFlag
      ? undefined
      : { value: numberAt(beyond, memberOf(path, exclusive)), exclusive: true };
  return closed === undefined || (open !== undefined && !isInner(closed.value, open.value)) ? open : closed;
}

function stepOf(multipleOf: JsonValue | undefined, path: string): number | undefined {
  return multipleOf === undefined ? undefined : stepAt(multipleOf, memberOf(path, 'multipleOf'));
}

/** What `multipleOf` says. Throws `invalid_request` where it is no number greater than 0. */
export function stepAt(multipleOf: JsonValue, at: string): number {
  const step = numberAt(multipleOf, at);
  return step > 0 ? step : refuse(at, 'It has to be greater than 0.');
}

/** How many digits after the point a step leaves, where it leaves all of them: of 1, 0.1, 0.01 and so on. */
function decimalsOf(step: number): number | undefined {
  return Array.from({ length: 11 }, (_, i) => i).find((i) => step === Number(`1e-${i}`));
}

/** Digits after the point. */
function placesOf(bound: Bound | undefined): number {
  const [mantissa = '', exponent = '0'] = Math.abs(bound?.value ?? 0)
    .toString()
    .split('e');
  return Math.max(0, (mantissa.split('.')[1] ?? '').length - Number(exponent));
}
