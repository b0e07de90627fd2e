/** `unevaluatedProperties` and `unevaluatedItems` as the plain keywords that they come to once a schema stands in one piece. */
import type { JsonObject, JsonValue } from '../../../src/backend/index.ts';
import { isList, isObject } from './json-kinds.ts';
import { memberOf, refuse } from './refuse.ts';

const pairs = ['unevaluatedProperties', 'unevaluatedItems'] as const;

/** Keywords whose schemas are about the same value, so that what they see counts as seen. */
const inPlace = [
  '$ref',
  'allOf',
  'anyOf',
  'oneOf',
  'not',
  'if',
  'then',
  'else',
  'dependentSchemas',
  'dependencies',
] as const;

/** Keywords that see no property and no item. */
const blind: ReadonlySet<string> = new Set([
  'type',
  'required',
  'dependentRequired',
  'propertyNames',
  'minProperties',
  'maxProperties',
  'minItems',
  'maxItems',
  'uniqueItems',
]);

/** The same schema without these keywords, unless there are schemas beside them that have yet to be merged. */
export function evaluated(schema: JsonObject): JsonObject {
  if (!pairs.some((keyword) => Object.hasOwn(schema, keyword))) return schema;
  const { unevaluatedProperties: properties, unevaluatedItems: items, ...rest } = schema;
  const isWhole = !inPlace.some((keyword) => Object.hasOwn(rest, keyword));
  const itemsOfRest = isList(rest['items']) ? 'additionalItems' : 'items';
  return {
    ...rest,
    ...settled(['unevaluatedProperties', 'additionalProperties'], properties, rest, isWhole),
    ...settled(['unevaluatedItems', itemsOfRest], items, rest, isWhole && rest['contains'] === undefined),
  };
}

function settled(
  [keyword, plain]: readonly [string, string],
  value: JsonValue | undefined,
  rest: JsonObject,
  isWhole: boolean,
): JsonObject {
  if (value === undefined || value === true || rest[plain] !== undefined) return {};
  return { [isWhole ? plain : keyword]: value };
}

/** Refuses a schema that has yet to be merged with schemas of its own, and must not count what others see. */
export function checkSeen(schema: JsonObject, others: readonly JsonObject[], path: string): void {
  const keyword = pairs.find((name) => Object.hasOwn(schema, name));
  if (keyword === undefined || others.every((other) => Object.keys(other).every((name) => blind.has(name)))) return;
  refuse(
    memberOf(path, keyword),
    `Of schemas that all hold, ${keyword} has to stand beside. Move it out of this one, or use additionalProperties.`,
  );
}

/** Refuses a schema that names properties or items in a `not` or `if` only: where their values break it, they are not seen. */
export function checkContraries(schema: JsonObject, path: string, resolve: (schema: JsonValue) => JsonValue): void {
  if (pairs.every((keyword) => schema[keyword] === undefined)) return;
  const names: Names = { seen: new Set(), contrary: new Set(), areItems: false };
  note(schema, { names, isContrary: false, resolve, visited: new Set() });
  if (schema['unevaluatedItems'] !== undefined && names.areItems)
    refuse(memberOf(path, 'unevaluatedItems'), 'Beside a condition on items, unevaluatedItems is not supported.');
  if (schema['unevaluatedProperties'] === undefined) return;
  const [unseen] = [...names.contrary].filter((name) => !names.seen.has(name));
  if (unseen !== undefined)
    refuse(
      memberOf(path, 'unevaluatedProperties'),
      `The property ${JSON.stringify(unseen)} is named by a condition only. Name it in properties, too.`,
    );
}

interface Names {
  readonly seen: Set<string>;
  readonly contrary: Set<string>;
  /** Whether a condition names items. */
  areItems: boolean;
}

interface Walk {
  readonly names: Names;
  readonly isContrary: boolean;
  readonly resolve: (schema: JsonValue) => JsonValue;
  readonly visited: Set<JsonValue>;
}

function note(written: JsonValue, walk: Walk): void {
  const schema = walk.resolve(written);
  if (!isObject(schema) || walk.visited.has(schema)) return;
  walk.visited.add(schema);
  const { names, isContrary } = walk;
  const properties = isObject(schema['properties']) ? schema['properties'] : {};
  for (const name of Object.keys(properties)) (isContrary ? names.contrary : names.seen).add(name);
  if (isContrary && ['prefixItems', 'items', 'contains'].some((keyword) => schema[keyword] !== undefined))
    names.areItems = true;
  for (const part of isList(schema['allOf']) ? schema['allOf'] : []) note(part, walk);
  const sometimes = ['anyOf', 'oneOf'].flatMap((keyword) => (isList(schema[keyword]) ? schema[keyword] : []));
  for (const part of isContrary ? sometimes : []) note(part, walk);
  for (const part of [schema['not'], schema['if']])
    if (part !== undefined) note(part, { ...walk, isContrary: true, visited: new Set() });
}
