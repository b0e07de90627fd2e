/** What becomes of the keywords of JSON Schema, of draft 7 to 2020-12, and of OpenAPI. */
import type { JsonObject, JsonValue } from '../../../src/backend/index.ts';
import { memberOf, refuse } from './refuse.ts';

export type TypeName = 'null' | 'boolean' | 'integer' | 'number' | 'string' | 'array' | 'object';

export const typeNames: readonly TypeName[] = ['null', 'boolean', 'integer', 'number', 'string', 'array', 'object'];

/** Those that say nothing about which values are valid, or that are looked up and not read in place. */
const annotations: ReadonlySet<string> = new Set([
  'title',
  'description',
  'default',
  'example',
  'examples',
  'deprecated',
  'readOnly',
  'writeOnly',
  'discriminator',
  'externalDocs',
  'xml',
  'contentEncoding',
  'contentMediaType',
  'contentSchema',
  '$comment',
  '$schema',
  '$id',
  '$anchor',
  '$vocabulary',
  '$defs',
  'definitions',
  'strict',
  'name',
]);

/** The type of the values that a keyword is about; undefined where it is about any. */
const types: Readonly<Record<string, TypeName | undefined>> = {
  $ref: undefined,
  type: undefined,
  nullable: undefined,
  enum: undefined,
  const: undefined,
  anyOf: undefined,
  oneOf: undefined,
  allOf: undefined,
  not: undefined,
  ...Object.fromEntries(['if', 'then', 'else'].map((keyword) => [keyword, undefined])),
  dependencies: 'object',
  dependentRequired: 'object',
  dependentSchemas: 'object',
  properties: 'object',
  required: 'object',
  additionalProperties: 'object',
  unevaluatedProperties: 'object',
  propertyNames: 'object',
  patternProperties: 'object',
  minProperties: 'object',
  maxProperties: 'object',
  items: 'array',
  prefixItems: 'array',
  additionalItems: 'array',
  unevaluatedItems: 'array',
  minItems: 'array',
  maxItems: 'array',
  uniqueItems: 'array',
  contains: 'array',
  minContains: 'array',
  maxContains: 'array',
  minLength: 'string',
  maxLength: 'string',
  pattern: 'string',
  format: 'string',
  minimum: 'number',
  maximum: 'number',
  exclusiveMinimum: 'number',
  exclusiveMaximum: 'number',
  multipleOf: 'number',
};

/** Those that no grammar of reasonable size can express. */
const unsupported: ReadonlyMap<string, string> = new Map([
  ['$dynamicRef', 'Use $ref'],
  ['$recursiveRef', 'Use $ref'],
]);

export function isAnnotation(keyword: string): boolean {
  return (
    annotations.has(keyword) ||
    keyword.startsWith('x-') ||
    keyword === '$dynamicAnchor' ||
    keyword === '$recursiveAnchor'
  );
}

/** The types of values that the keywords of a schema are about. */
export function typesOfKeywords(schema: JsonObject): ReadonlySet<TypeName> {
  const found = new Set<TypeName>();
  for (const keyword of Object.keys(schema)) {
    const type = Object.hasOwn(types, keyword) ? types[keyword] : undefined;
    if (type !== undefined) found.add(type);
  }
  return found;
}

/** The keywords of a schema that say which values are valid. Throws `invalid_request` that names one that cannot be kept. */
export function assertions(schema: JsonObject, path: string): JsonObject {
  const kept: Record<string, JsonValue> = {};
  for (const [keyword, value] of Object.entries(schema)) {
    if (isAnnotation(keyword)) continue;
    const at = memberOf(path, keyword);
    const advice = unsupported.get(keyword);
    if (advice !== undefined) refuse(at, `The schema's keyword ${keyword} is not supported. ${advice}.`);
    if (!Object.hasOwn(types, keyword)) {
      refuse(
        at,
        `The schema has an unknown keyword, ${JSON.stringify(keyword)}. Leave it out, or begin its name with x-.`,
      );
    }
    kept[keyword] = value;
  }
  return kept;
}
