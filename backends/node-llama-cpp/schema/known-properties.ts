/** What schemas say of the properties of an object at once, so that alternatives that cannot be are left out early. */
import type { JsonObject, JsonValue } from '../../../src/backend/index.ts';
import { isList, isObject } from './json-kinds.ts';
import { isNever } from './never.ts';
import { textOf, valuesIn } from './listed-values.ts';

interface Known {
  /** The values that a property may have, by its name; only of those whose values are listed. */
  readonly values: Map<string, ReadonlySet<string>>;
  readonly required: Set<string>;
  readonly absent: Set<string>;
}

/** Whether no object can be valid under two schemas, as far as that is plain. */
export function areApart(a: JsonValue, b: JsonValue): boolean {
  const known: Known = { values: new Map(), required: new Set(), absent: new Set() };
  note(a, known);
  note(b, known);
  return (
    [...known.required].some((name) => known.absent.has(name)) ||
    [...known.values].some(([name, { size }]) => size === 0 && known.required.has(name))
  );
}

function note(schema: JsonValue, known: Known): void {
  if (!isObject(schema)) return;
  const { allOf, properties, required } = schema;
  if (isList(allOf)) for (const part of allOf) note(part, known);
  if (isList(required)) for (const name of required) if (typeof name === 'string') known.required.add(name);
  if (!isObject(properties)) return;
  for (const [name, property] of Object.entries(properties)) {
    if (isNever(property)) known.absent.add(name);
    const listed = valuesIn(property)?.map((value) => textOf(value));
    if (listed === undefined) continue;
    const before = known.values.get(name);
    known.values.set(name, new Set(before === undefined ? listed : listed.filter((value) => before.has(value))));
  }
}

/** The values that one of some schemas lists for a property; undefined where none does. */
export function valuesOfProperty(name: string, schemas: readonly JsonObject[]): readonly JsonValue[] | undefined {
  for (const { properties } of schemas) {
    const values = isObject(properties) && Object.hasOwn(properties, name) ? valuesIn(properties[name]) : undefined;
    if (values !== undefined) return values;
  }
  return undefined;
}

export function isRequired(name: string, schemas: readonly JsonObject[]): boolean {
  return schemas.some(({ required }) => isList(required) && required.includes(name));
}
