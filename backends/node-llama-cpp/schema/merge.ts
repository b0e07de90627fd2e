/** The schema of the values that are valid under two. */
import type { JsonObject, JsonValue } from '../../../src/backend/index.ts';
import { bothPatterns } from './combined-patterns.ts';
import { isList, isObject, typeOf } from './json-kinds.ts';
import type { TypeName } from './keywords.ts';
import { leastCommonMultiple } from './multiples.ts';
import { areApart } from './known-properties.ts';
import { textOf } from './listed-values.ts';
import { isNever } from './never.ts';
import { memberOf, refuse, refuseEmpty } from './refuse.ts';
import { bothTuples } from './tuples.ts';

type Combine = (a: JsonValue, b: JsonValue, path: string) => JsonValue;

/** Where schemas of items stand. */
const listWords: readonly string[] = ['prefixItems', 'items', 'additionalItems'];

/** Of alternatives of two lists that both hold. */
const mostPairs = 2048;

const both: Combine = (a, b) => {
  if (isNever(a) || isNever(b)) return false;
  return a === true ? b : b === true ? a : { allOf: [a, b] };
};
const greater: Combine = (a, b) => Math.max(Number(a), Number(b));
const less: Combine = (a, b) => Math.min(Number(a), Number(b));

const combinations: Readonly<Record<string, Combine>> = {
  type: (a, b, path) => {
    const common = typesIn(a).flatMap((one) => typesIn(b).flatMap((other) => commonType(one, other)));
    return common.length > 0
      ? [...new Set(common)]
      : refuseEmpty(path, `No value is of both types, ${JSON.stringify(a)} and ${JSON.stringify(b)}.`);
  },
  nullable: (a, b) => a === true && b === true,
  enum: (a, b, path) => {
    const others = new Set(isList(b) ? b.map((value) => textOf(value)) : []);
    const common = isList(a) ? a.filter((value) => others.has(textOf(value))) : [];
    return common.length > 0
      ? common
      : refuseEmpty(path, 'The values of two enums that both hold have nothing in common.');
  },
  const: (a, b, path) => (isSame(a, b) ? a : refuseEmpty(path, 'Two constants that both hold are not the same.')),
  anyOf: (a, b, path) => pairs(a, b, path),
  allOf: (a, b) => (isList(a) && isList(b) ? [...a, ...b] : a),
  properties: (a, b, path) => mergeMembers(a, b, path),
  required: (a, b) => (isList(a) && isList(b) ? [...new Set([...a, ...b])] : a),
  additionalProperties: both,
  unevaluatedProperties: both,
  propertyNames: both,
  items: both,
  minProperties: greater,
  maxProperties: less,
  minItems: greater,
  maxItems: less,
  uniqueItems: (a, b) => a === true || b === true,
  pattern: (a, b) => (typeof a === 'string' && typeof b === 'string' ? bothPatterns(a, b) : a),
  minLength: greater,
  maxLength: less,
  minimum: greater,
  maximum: less,
  exclusiveMinimum: greater,
  exclusiveMaximum: less,
  multipleOf: (a, b, path) =>
    leastCommonMultiple(a, b) ??
    refuse(path, `The numbers that are multiples of both ${textOf(a)} and ${textOf(b)} have too many digits.`),
};

/** Throws `invalid_request` where a keyword of both cannot be made one, or where nothing is valid under both. */
export function merge(a: JsonObject, b: JsonObject, path: string): JsonObject {
  const tuple = bothTuples(a, b, (one, other) => both(one, other, path));
  const merged: Record<string, JsonValue> = { ...(tuple === undefined ? a : without(a, listWords)), ...tuple };
  for (const [keyword, value] of Object.entries(b)) {
    if (tuple !== undefined && listWords.includes(keyword)) continue;
    const other = Object.hasOwn(a, keyword) ? a[keyword] : undefined;
    if (other === undefined || isSame(other, value)) {
      merged[keyword] = value;
      continue;
    }
    const at = memberOf(path, keyword);
    const combine = Object.hasOwn(combinations, keyword) ? combinations[keyword] : undefined;
    if (combine === undefined) refuse(at, `Two schemas that both hold have ${keyword}. Write them as one.`);
    merged[keyword] = combine(other, value, at);
  }
  return closed(a, b, { ...merged, ...closedPatterns(a, b, path), ...closedPatterns(b, a, path) }, path);
}

/** Properties of patterns that only the other of two schemas has are additional ones. */
function closedPatterns(schema: JsonObject, other: JsonObject, path: string): JsonObject {
  const { additionalProperties = true, patternProperties: own, properties } = schema;
  const { patternProperties } = other;
  if (additionalProperties === true || own !== undefined || !isObject(patternProperties)) return {};
  if (isObject(properties) && Object.keys(properties).length > 0)
    refuse(
      memberOf(path, 'patternProperties'),
      'Of schemas that all hold, one has patternProperties, and another names all properties that there may be. Write them as one.',
    );
  return {
    patternProperties: Object.fromEntries(
      Object.entries(patternProperties).map(([pattern, inner]) => [pattern, both(inner, additionalProperties, path)]),
    ),
  };
}

function without(schema: JsonObject, keywords: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(schema).filter(([keyword]) => !keywords.includes(keyword)));
}

/** Properties that only one of the two names are, for the other, additional ones. */
function closed(a: JsonObject, b: JsonObject, merged: Record<string, JsonValue>, path: string): JsonObject {
  if (!isObject(merged['properties'])) return merged;
  const properties: Record<string, JsonValue> = { ...merged['properties'] };
  for (const [schema, other] of [
    [a, b],
    [b, a],
  ] as const) {
    const additional = schema['additionalProperties'];
    if (additional === undefined || additional === true) continue;
    const own = isObject(schema['properties']) ? schema['properties'] : {};
    for (const [name, property] of Object.entries(isObject(other['properties']) ? other['properties'] : {})) {
      if (schema['patternProperties'] !== undefined && !Object.hasOwn(own, name))
        refuse(
          memberOf(path, 'patternProperties'),
          'Of schemas that all hold, one with patternProperties and additionalProperties has to name all properties.',
        );
      if (!Object.hasOwn(own, name))
        properties[name] = additional === false ? false : { allOf: [property, additional] };
    }
  }
  return { ...merged, properties };
}

function mergeMembers(a: JsonValue, b: JsonValue, path: string): JsonValue {
  if (!isObject(a) || !isObject(b)) return refuse(path, 'It has to be an object.');
  const merged: Record<string, JsonValue> = { ...a };
  for (const [name, value] of Object.entries(b)) {
    const other = Object.hasOwn(a, name) ? a[name] : undefined;
    merged[name] = other === undefined || isSame(other, value) ? value : both(other, value, path);
  }
  return merged;
}

function pairs(a: JsonValue, b: JsonValue, path: string): JsonValue {
  if (!isList(a) || !isList(b)) return refuse(path, 'It has to be a list.');
  if (a.length * b.length > mostPairs)
    refuse(path, 'Schemas that all hold have too many alternatives together. Write them as one anyOf.');
  return a.flatMap((one) => b.flatMap((other) => (areApart(one, other) ? [] : [{ allOf: [one, other] }])));
}

function typesIn(value: JsonValue): readonly JsonValue[] {
  return isList(value) ? value : [value];
}

function commonType(a: JsonValue, b: JsonValue): readonly JsonValue[] {
  if (a === b) return [a];
  const isWhole = (a === 'integer' && b === 'number') || (a === 'number' && b === 'integer');
  return isWhole ? ['integer'] : [];
}

export function isSame(a: JsonValue, b: JsonValue): boolean {
  if (a === b) return true;
  if (isList(a) && isList(b)) return a.length === b.length && a.every((item, i) => isSame(item, b[i] ?? null));
  if (!isObject(a) || !isObject(b)) return false;
  const names = Object.keys(a);
  return (
    names.length === Object.keys(b).length &&
    names.every((name) => Object.hasOwn(b, name) && isSame(a[name] ?? null, b[name] ?? null))
  );
}

/** How many members two schemas have that merging them looks at. */
export function sizeOf(...schemas: readonly JsonObject[]): number {
  const members = schemas.flatMap((schema) => [schema, ...Object.values(schema)]);
  return members.reduce<number>(
    (sum, value) => sum + (isList(value) ? value.length : isObject(value) ? Object.keys(value).length : 0),
    0,
  );
}

export function isOfType(value: JsonValue, type: TypeName): boolean {
  const own = typeOf(value);
  return own === type || (own === 'integer' && type === 'number');
}
