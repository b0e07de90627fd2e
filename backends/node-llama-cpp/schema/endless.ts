import type { JsonObject, JsonValue } from '../../../src/backend/index.ts';
import { isList, isObject } from './json-kinds.ts';
import { refuse } from './refuse.ts';

/**
 * Throws `invalid_request` where a rewritten schema refers to itself so that no value is ever complete (each node needs
 * another node), or without a value in between.
 */
export function checkEnds(root: JsonObject, definitions: Readonly<Record<string, JsonObject>>, path: string): void {
  const ends = new Set<string>();
  for (let before = -1; before < ends.size;) {
    before = ends.size;
    for (const [name, schema] of Object.entries(definitions)) {
      if (!ends.has(name) && canEnd(schema, ends)) ends.add(name);
    }
  }
  if (!canEnd(root, ends)) refuse(path, 'The schema refers to itself without an end: no value is ever complete.');
  const visits = new Map<string, 'open' | 'done'>();
  const visit = (name: string): void => {
    if (visits.get(name) === 'done') return;
    if (visits.get(name) === 'open') refuse(path, 'A $ref comes back to itself with nothing in between.');
    visits.set(name, 'open');
    for (const next of beginnings(definitions[name] ?? {})) visit(next);
    visits.set(name, 'done');
  };
  for (const name of Object.keys(definitions)) visit(name);
}

function definitionOf(schema: JsonObject): string | undefined {
  return typeof schema['$ref'] === 'string' ? schema['$ref'].slice('#/$defs/'.length) : undefined;
}

function schemasIn(value: JsonValue | undefined): readonly JsonObject[] {
  return isList(value) ? value.filter((item) => isObject(item)) : [];
}

function canEnd(schema: JsonObject, ends: ReadonlySet<string>): boolean {
  const name = definitionOf(schema);
  if (name !== undefined) return ends.has(name);
  if (schema['anyOf'] !== undefined) return schemasIn(schema['anyOf']).some((one) => canEnd(one, ends));
  if (schema['prefixItems'] !== undefined) return schemasIn(schema['prefixItems']).every((one) => canEnd(one, ends));
  const { items, minItems, properties, required } = schema;
  if (isObject(items) && typeof minItems === 'number' && minItems > 0) return canEnd(items, ends);
  if (!isObject(properties) || !isList(required)) return true;
  return Object.entries(properties).every(
    ([key, one]) => !required.includes(key) || !isObject(one) || canEnd(one, ends),
  );
}

/** The definitions that a value may begin with. */
function beginnings(schema: JsonObject): readonly string[] {
  const name = definitionOf(schema);
  return name === undefined ? schemasIn(schema['anyOf']).flatMap((one) => beginnings(one)) : [name];
}
