import type { JsonObject, JsonValue } from '../../../src/backend/index.ts';
import { listContaining } from './contains.ts';
import { type Counts, countsOf } from './counts.ts';
import { isList, listAt } from './json-kinds.ts';
import { isNever } from './never.ts';
import { memberOf, refuse, refuseEmpty } from './refuse.ts';
import type { SchemaReader } from './schema-reader.ts';
import { uniqueItems } from './unique-items.ts';

/** As many items as no context has room for: what generators of schemas write where they mean no limit. */
const moreThanAnyAnswer = 100_000_000;

export function arraySchema(schema: JsonObject, path: string, reader: SchemaReader): JsonObject {
  const { maxItems: written, ...rest } = schema;
  const isBounded = typeof written !== 'number' || written < moreThanAnyAnswer;
  const counts = countsOf(isBounded ? schema : rest, ['minItems', 'maxItems'], path);
  const [minItems, maxItems] = counts;
  const isUnique = schema['uniqueItems'] === true && maxItems > 1;
  if (schema['contains'] !== undefined) return listContaining(schema, counts, path, reader);
  const { items } = schema;
  const prefix = schema['prefixItems'] ?? (isList(items) ? items : undefined);
  if (prefix !== undefined) {
    if (isUnique) refuse(memberOf(path, 'uniqueItems'), 'Beside items one by one, uniqueItems is not supported.');
    return tupleSchema(prefix, schema, counts, path, reader);
  }
  if (isNever(items) || maxItems === 0) {
    if (minItems > 0) refuseEmpty(memberOf(path, 'minItems'), 'The array has to be empty, and has to have items.');
    return { const: [] };
  }
  const at = memberOf(path, 'items');
  if (isUnique) return uniqueItems(items ?? true, counts, path, reader);
  const each = items === undefined || items === true ? {} : reader.any(items, at);
  const max = maxItems === Infinity ? {} : { maxItems };
  return { type: 'array', items: each, ...(minItems > 0 ? { minItems } : {}), ...max };
}

/** As long as its items are known one by one: a shorter one would do, but is not what a tuple is for. */
function tupleSchema(
  prefix: JsonValue,
  schema: JsonObject,
  [minItems, maxItems]: Counts,
  path: string,
  reader: SchemaReader,
): JsonObject {
  const isOld = schema['prefixItems'] === undefined;
  const at = memberOf(path, isOld ? 'items' : 'prefixItems');
  const restAt = memberOf(path, isOld ? 'additionalItems' : 'items');
  const rest = (isOld ? schema['additionalItems'] : schema['items']) ?? true;
  const first = listAt(prefix, at)
    .slice(0, maxItems)
    .map((item, i) => reader.any(item, memberOf(at, i)));
  if (minItems > first.length && isNever(rest))
    refuseEmpty(memberOf(path, 'minItems'), 'There are fewer items than minItems.');
  while (first.length < minItems) first.push(reader.any(rest, restAt));
  return first.length === 0 ? { const: [] } : { type: 'array', prefixItems: first };
}
