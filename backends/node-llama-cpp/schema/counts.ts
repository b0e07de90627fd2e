import type { JsonObject } from '../../../src/backend/index.ts';
import { mostRepetitions } from './gbnf.ts';
import { countAt } from './json-kinds.ts';
import { memberOf, refuse, refuseEmpty } from './refuse.ts';

/** A least and a greatest number of something; the latter infinite for no limit. */
export type Counts = readonly [min: number, max: number];

/** Two keywords that bound a number, up to what can be counted. Throws `invalid_request`. */
export function countsOf(
  schema: JsonObject,
  [least, most]: readonly [string, string],
  path: string,
  greatest = mostRepetitions,
): Counts {
  const min = schema[least] === undefined ? 0 : countAt(schema[least], memberOf(path, least));
  const max = schema[most] === undefined ? Infinity : countAt(schema[most], memberOf(path, most));
  if (min > max) refuseEmpty(memberOf(path, least), `${least} is greater than ${most}: no value has both.`);
  const isTooMany = min > greatest || (max !== Infinity && max > greatest);
  if (isTooMany)
    refuse(
      memberOf(path, min > greatest ? least : most),
      `Counts of more than ${greatest} are not supported here. Leave it out, and limit the answer by max_tokens.`,
    );
  return [min, max];
}
