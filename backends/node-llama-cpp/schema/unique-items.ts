import type { JsonObject, JsonValue } from '../../../src/backend/index.ts';
import type { Counts } from './counts.ts';
import { anyOf, literal } from './gbnf.ts';
import { isList } from './json-kinds.ts';
import type { LeafRules } from './leaf-rules.ts';
import { textOf } from './listed-values.ts';
import { memberOf, refuse } from './refuse.ts';
import type { SchemaReader } from './schema-reader.ts';
import { quotedText } from './value-schema.ts';

/** There is one rule for each set of values that may stand already: 10 values, or more where there are few items. */
const mostSets = 1100;
/** Of values that stand in the order of their enum, and of rules: one for each value and each number of items that counts. */
const mostOrdered = 99;
const mostPlaces = 4000;

/**
 * A list whose items all differ: a grammar has to remember which are there, so they have to be constants. More than a few stand
 * in the order in which the schema has them.
 */
export function uniqueItems(
  items: JsonValue,
  [minItems, maxItems]: Counts,
  path: string,
  reader: SchemaReader,
): JsonObject {
  const at = memberOf(path, 'uniqueItems');
  const values = constantsOf(reader.any(reader.resolved(items), memberOf(path, 'items')), reader.leaves);
  const max = maxItems < (values?.length ?? 0) ? maxItems : Infinity;
  const counted = max === Infinity ? minItems : max;
  if (values === undefined || values.length > mostOrdered || values.length * counted > mostPlaces) {
    return refuse(
      at,
      `The schema's keyword uniqueItems is supported for up to ${mostOrdered} values of an enum. Leave it out, and drop what is doubled yourself.`,
    );
  }
  const isFree = setsOf(values.length, maxItems) <= mostSets;
  if (minItems > values.length) refuse(memberOf(path, 'minItems'), 'There are fewer values than minItems.');
  const { leaves } = reader;
  const rule = (textOf: (value: JsonValue) => string, comma: string): string => {
    const texts = values.map((value) => literal(textOf(value)));
    const form = { min: minItems, max, comma };
    const some = isFree ? new UniqueItems(texts, form, leaves).after(0n, 0) : orderedItems(texts, form, leaves);
    return minItems === 0 ? `"[" (${some})? "]"` : `"[" ${some} "]"`;
  };
  return leaves.add(
    rule((value) => JSON.stringify(value), ', '),
    { quoted: (quote) => rule((value) => quotedText(value, quote), ',') },
  );
}

/** The values of a rewritten schema; undefined where they are not listed. */
function constantsOf(schema: JsonObject, leaves: LeafRules): readonly JsonValue[] | undefined {
  if (schema['type'] === 'boolean') return [false, true];
  const { const: constant, enum: values } = schema;
  const listed = constant === undefined ? values : [constant];
  if (!isList(listed) || listed.some((value) => leaves.has(value))) return undefined;
  return [...new Map(listed.map((value) => [textOf(value), value])).values()];
}

/** How many sets of values there are that another may follow. */
function setsOf(values: number, maxItems: number): number {
  let [sets, ofSize] = [0, 1];
  for (let size = 0; size < Math.min(values, maxItems) && sets <= mostSets; size++) {
    sets += ofSize;
    ofSize = (ofSize * (values - size)) / (size + 1);
  }
  return sets;
}

interface ListForm {
  readonly min: number;
  readonly max: number;
  readonly comma: string;
}

class UniqueItems {
  readonly #values: readonly string[];
  readonly #min: number;
  readonly #max: number;
  readonly #comma: string;
  readonly #leaves: LeafRules;
  readonly #rules = new Map<bigint, string>();

  constructor(values: readonly string[], { min, max, comma }: ListForm, leaves: LeafRules) {
    this.#values = values;
    this.#min = min;
    this.#max = Math.min(max, values.length);
    this.#comma = literal(comma);
    this.#leaves = leaves;
  }

  /** One item more at least, where those of a set of bits stand. */
  after(set: bigint, count: number): string {
    const known = this.#rules.get(set);
    if (known !== undefined) return known;
    const alternatives = this.#values.flatMap((value, i) => {
      const bit = 1n << BigInt(i);
      return (set & bit) === 0n ? [value + this.#more(set | bit, count + 1)] : [];
    });
    const rule = this.#leaves.rule(anyOf(alternatives));
    this.#rules.set(set, rule);
    return rule;
  }

  #more(set: bigint, count: number): string {
    if (count >= this.#max) return '';
    const more = `${this.#comma} ${this.after(set, count)}`;
    return count < this.#min ? ` ${more}` : ` (${more})?`;
  }
}

/** Some of the values, at least one, in their order. */
function orderedItems(values: readonly string[], { min, max, comma }: ListForm, leaves: LeafRules): string {
  // From the last value to the first: what may stand from there on, by the number of items before it.
  const mostCounted = max === Infinity ? min : max;
  let later: readonly (string | undefined)[] = [];
  for (const value of values.toReversed()) {
    const known = later;
    later = Array.from({ length: mostCounted + 1 }, (_, count) => {
      if (count >= max) return undefined;
      const next = known[Math.min(count + 1, mostCounted)];
      const mayEnd = count + 1 >= min;
      const taken =
        next === undefined ? value : `${value} ${mayEnd ? optional(comma, next) : `${literal(comma)} ${next}`}`;
      const alternatives = [
        ...(mayEnd || next !== undefined ? [taken] : []),
        ...(known[count] === undefined ? [] : [known[count]]),
      ];
      return alternatives.length === 0 ? undefined : leaves.rule(anyOf(alternatives));
    });
  }
  return later[0] ?? '""';
}

function optional(comma: string, next: string): string {
  return `(${literal(comma)} ${next})?`;
}
