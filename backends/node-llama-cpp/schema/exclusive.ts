/** Whether a value can be valid under two schemas of a oneOf. */
import type { JsonObject, JsonValue } from '../../../src/backend/index.ts';
import { VserveError } from '../../../src/errors/index.ts';
import { isList, isObject, typeOf } from './json-kinds.ts';
import { type TypeName, typeNames, typesOfKeywords } from './keywords.ts';
import { textOf, valuesIn } from './listed-values.ts';
import { negation } from './negation.ts';
import { memberOf, refuse } from './refuse.ts';
import type { SchemaReader } from './schema-reader.ts';

const all: ReadonlySet<TypeName> = new Set(typeNames);

/** What tells the values of a schema from others. */
interface Traits {
  /** The values, as texts; undefined where they are not listed. */
  readonly values: ReadonlySet<string> | undefined;
  readonly types: ReadonlySet<TypeName>;
  /** Those of all that is valid: of any type where none is named, though only objects are written for one of properties. */
  readonly validTypes: ReadonlySet<TypeName>;
  /** The values of properties that are always there. */
  readonly tags: ReadonlyMap<string, ReadonlySet<string>>;
  readonly isNever: boolean;
}

/**
 * The alternatives of a oneOf. A grammar cannot see to it that a value is valid under one only, so those that do not exclude
 * each other by what they are say so of each other. Throws `invalid_request` where that cannot be said.
 */
export function exclusiveAlternatives(
  list: readonly JsonValue[],
  at: string,
  reader: SchemaReader,
): readonly JsonValue[] {
  const alike = firstAlike(list, at, reader);
  if (alike === undefined) return list;
  try {
    const contraries = list.map((schema, i) => negation(schema, memberOf(at, i), reader.resolved));
    reader.budget.spend(50 * list.length ** 2, at);
    return list.map((schema, i) => {
      const { types } = traitsOf(reader.resolved(schema));
      const ofTypes = types.size < typeNames.length ? [{ type: [...types] }] : [];
      return { allOf: [schema, ...ofTypes, ...contraries.filter((_, j) => j !== i)] };
    });
  } catch (error) {
    if (!(error instanceof VserveError)) throw error;
    return refuse(
      at,
      `A value may be valid under the schemas ${alike.join(' and ')} of oneOf. Give them different types, or a property with different constants, or use anyOf.`,
    );
  }
}

/** Two alternatives that a value may be valid under; undefined where there are none. */
function firstAlike(
  list: readonly JsonValue[],
  at: string,
  { resolved, budget }: SchemaReader,
): readonly [number, number] | undefined {
  const traits = list.map((alternative) => traitsOf(resolved(alternative)));
  budget.spend(10 * traits.length, at);
  if (areToldApart(traits)) return undefined;
  const overlap = (a: ReadonlySet<string>, b: ReadonlySet<string>): boolean => {
    const [few, many] = a.size < b.size ? [a, b] : [b, a];
    budget.spend(few.size, at);
    return [...few].some((value) => many.has(value));
  };
  for (const [i, one] of traits.entries()) {
    const alike = traits.findIndex((other, j) => {
      budget.spend(j > i ? 10 : 0, at);
      return j > i && !exclude(one, other, overlap);
    });
    if (alike >= 0) return [i, alike];
  }
  return undefined;
}

/** Whether all have values of their own, or a property with values of its own: so it is with most, and quickly seen. */
function areToldApart(traits: readonly Traits[]): boolean {
  const tags = [...(traits[0]?.tags.keys() ?? [])];
  const areObjects = traits.every(
    ({ types, values }) => values === undefined && types.size === 1 && types.has('object'),
  );
  return (
    areDistinct(traits.map(({ values }) => values)) ||
    (areObjects && tags.some((tag) => areDistinct(traits.map(({ tags }) => tags.get(tag)))))
  );
}

function areDistinct(sets: readonly (ReadonlySet<string> | undefined)[]): boolean {
  const all = new Set<string>();
  let sum = 0;
  for (const set of sets) {
    if (set === undefined) return false;
    sum += set.size;
    for (const value of set) all.add(value);
  }
  return all.size === sum;
}

type Overlap = (a: ReadonlySet<string>, b: ReadonlySet<string>) => boolean;

function exclude(a: Traits, b: Traits, overlap: Overlap): boolean {
  if (a.isNever || b.isNever) return true;
  if (a.values !== undefined && b.values !== undefined) return !overlap(a.values, b.values);
  if (areOfOtherTypes(a, b)) return true;
  const areObjects = [a, b].every(({ types }) => types.size === 1 && types.has('object'));
  return areObjects && [...a.tags].some(([name, values]) => !overlap(values, b.tags.get(name) ?? values));
}

function areOfOtherTypes(a: Traits, b: Traits): boolean {
  if (a.values !== undefined) return !share(a, b);
  return !share(b, a) && (b.values !== undefined || !share(a, b));
}

/** Whether one of the values may be valid under another schema; a number of unknown value may be an integer. */
function share({ values, types }: Traits, { validTypes: others }: Traits): boolean {
  return [...types].some(
    (type) =>
      others.has(type) ||
      (type === 'integer' && others.has('number')) ||
      (type === 'number' && values === undefined && others.has('integer')),
  );
}

function traitsOf(schema: JsonValue): Traits {
  if (!isObject(schema)) {
    return { values: undefined, types: all, validTypes: all, tags: new Map(), isNever: schema === false };
  }
  const values = valuesIn(schema);
  const types = values === undefined ? typesIn(schema) : new Set(values.map((value) => typeOf(value)));
  const isNamed = values !== undefined || schema['type'] !== undefined;
  const validTypes = isNamed && schema['nullable'] !== true ? types : all;
  return { values: values && textsOf(values), types, validTypes, tags: tagsOf(schema), isNever: false };
}

function tagsOf(schema: JsonObject): ReadonlyMap<string, ReadonlySet<string>> {
  const properties = isObject(schema['properties']) ? schema['properties'] : {};
  const required = isList(schema['required']) ? schema['required'] : [];
  const tags = new Map<string, ReadonlySet<string>>();
  for (const name of required) {
    const values = typeof name === 'string' && Object.hasOwn(properties, name) ? valuesIn(properties[name]) : undefined;
    if (typeof name === 'string' && values !== undefined) tags.set(name, textsOf(values));
  }
  return tags;
}

function textsOf(values: readonly JsonValue[]): ReadonlySet<string> {
  return new Set(values.map((value) => textOf(value)));
}

/** The types that a schema certainly is limited to; all where that is not plain. */
function typesIn(schema: JsonObject): ReadonlySet<TypeName> {
  const { type } = schema;
  if (schema['nullable'] === true || schema['$ref'] !== undefined) return all;
  const list = isList(type) ? type : type === undefined ? [] : [type];
  const named = typeNames.filter((name) => list.includes(name));
  if (named.length > 0) return new Set(named);
  const about = typesOfKeywords(schema);
  return about.size > 0 ? about : all;
}
