/** Lists of which some items fulfil a schema: one alternative for each way to place these. */
import type { JsonObject, JsonValue } from '../../../src/backend/index.ts';
import { type Counts, countsOf } from './counts.ts';
import { negation } from './negation.ts';
import { NoValue, memberOf, refuse, refuseEmpty } from './refuse.ts';
import type { SchemaReader } from './schema-reader.ts';
import { tupleOf } from './tuples.ts';

const mostItems = 8;
const mostWays = 300;

/** Of a list with `contains`. Throws `invalid_request` where there are too many ways to have so many of such items. */
export function listContaining(
  schema: JsonObject,
  [minItems, maxItems]: Counts,
  path: string,
  reader: SchemaReader,
): JsonObject {
  const at = memberOf(path, 'contains');
  const [least, written] = countsOf({ minContains: 1, ...schema }, ['minContains', 'maxContains'], path);
  if (schema['uniqueItems'] === true) refuse(at, 'Beside uniqueItems, contains is not supported.');
  if (schema['unevaluatedItems'] !== undefined)
    refuse(memberOf(path, 'unevaluatedItems'), 'Beside contains, unevaluatedItems is not supported.');
  if (maxItems > mostItems)
    refuse(at, `The schema's keyword contains is supported beside a maxItems of ${mostItems} at most.`);
  const others = written === Infinity ? true : negation(schema['contains'] ?? true, at, reader.resolved);
  const ways: boolean[][] = [];
  for (let length = Math.max(minItems, least); length <= maxItems; length++)
    ways.push(...placements(length, least, written));
  if (ways.length > mostWays)
    refuse(at, 'There are too many ways to have so many of such items. Lower maxItems or minContains.');
  const tuple = tupleOf(schema);
  const items = new Items(schema['contains'] ?? true, others, path, reader);
  const lists = ways.flatMap((way): JsonObject[] => {
    const read = way.map((isSuch, i) => items.read(tuple.first?.[i] ?? tuple.rest, isSuch));
    const known = read.flatMap((item) => (item instanceof NoValue ? [] : [item]));
    if (known.length < read.length) return [];
    return [known.length === 0 ? { const: [] } : { type: 'array', prefixItems: known }];
  });
  const [first] = lists;
  if (first === undefined) return refuseEmpty(at, 'There cannot be as many of such items.');
  return lists.length === 1 ? first : { anyOf: lists };
}

/** The same schema without counts that stand beside no `contains`, which say nothing, and without a `contains` that asks for none. */
export function withoutIdleContains(schema: JsonObject): JsonObject {
  const { contains, minContains, maxContains, ...rest } = schema;
  const asksForNone = minContains === 0 && maxContains === undefined && schema['unevaluatedItems'] === undefined;
  return contains === undefined || asksForNone ? rest : schema;
}

/** Which of some items are chosen to be such as are counted; where there may be any number more, those at the end may be, too. */
function placements(length: number, least: number, most: number): boolean[][] {
  let found: boolean[][] = [[]];
  for (let i = 0; i < length; i++) {
    found = found.flatMap((way) => {
      const chosen = way.filter(Boolean).length;
      const canMiss = chosen + length - i > least;
      const canHave = chosen < (most === Infinity ? least : most);
      return [...(canHave ? [[...way, true]] : []), ...(canMiss ? [[...way, false]] : [])];
    });
    if (found.length > mostWays) return found;
  }
  return found;
}

/** Each kind of item is read once. */
class Items {
  readonly #such: JsonValue;
  readonly #others: JsonValue;
  readonly #path: string;
  readonly #reader: SchemaReader;
  readonly #known = new Map<JsonValue, { such?: JsonObject | NoValue; other?: JsonObject | NoValue }>();

  constructor(such: JsonValue, others: JsonValue, path: string, reader: SchemaReader) {
    this.#such = such;
    this.#others = others;
    this.#path = path;
    this.#reader = reader;
  }

  read(item: JsonValue, isSuch: boolean): JsonObject | NoValue {
    const known = this.#known.get(item) ?? {};
    this.#known.set(item, known);
    const at = memberOf(this.#path, isSuch ? 'contains' : 'items');
    if (isSuch) return (known.such ??= this.#reader.attempt({ allOf: [item, this.#such] }, at));
    return (known.other ??= this.#reader.attempt({ allOf: [item, this.#others] }, at));
  }
}
