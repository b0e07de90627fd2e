/** Lists whose first items have schemas of their own, in the words of all drafts. */
import type { JsonObject, JsonValue } from '../../../src/backend/index.ts';
import { isList } from './json-kinds.ts';

export interface Tuple {
  /** Undefined where all items are alike. */
  readonly first: readonly JsonValue[] | undefined;
  readonly rest: JsonValue;
}

export function tupleOf(schema: JsonObject): Tuple {
  const { prefixItems, items = true, additionalItems = true } = schema;
  if (isList(prefixItems)) return { first: prefixItems, rest: items };
  return isList(items) ? { first: items, rest: additionalItems } : { first: undefined, rest: items };
}

/** What two schemas say of items that both hold, one of them item by item; undefined where neither does. */
export function bothTuples(
  a: JsonObject,
  b: JsonObject,
  both: (a: JsonValue, b: JsonValue) => JsonValue,
): JsonObject | undefined {
  const [one, other] = [tupleOf(a), tupleOf(b)];
  if (one.first === undefined && other.first === undefined) return undefined;
  const length = Math.max(one.first?.length ?? 0, other.first?.length ?? 0);
  const prefixItems = Array.from({ length }, (_, i) =>
    both(one.first?.[i] ?? one.rest, other.first?.[i] ?? other.rest),
  );
  return { prefixItems, items: both(one.rest, other.rest) };
}
