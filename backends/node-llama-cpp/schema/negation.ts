/** The values that are not valid under a schema, as a schema without `not`. */
import type { JsonObject, JsonValue } from '../../../src/backend/index.ts';
import { absent, escapedPattern } from './combined-patterns.ts';
import { countAt, isObject, listAt, numberAt, objectAt, textAt, typeOf } from './json-kinds.ts';
import { assertions, isAnnotation, type TypeName, typeNames } from './keywords.ts';
import { isRequired, valuesOfProperty } from './known-properties.ts';
import { textOf, valuesIn } from './listed-values.ts';
import { memberOf, refuse } from './refuse.ts';
import { typesAt } from './value-schema.ts';

/** References to references, and negations of negations. */
const mostDepth = 64;
/** Of excluded numbers, with an interval between each two. */
const mostNumbers = 100;

type Resolve = (schema: JsonValue) => JsonValue;
/** The schemas of values that break one keyword; a value that breaks any of them is not valid. */
type Negate = (value: JsonValue, at: string, context: Context) => readonly JsonValue[];

interface Context {
  /** What holds of the same value. */
  readonly beside: readonly JsonObject[];
  readonly path: string;
  readonly resolve: Resolve;
  readonly depth: number;
}

const limit = (type: TypeName, keyword: string, by: number): Negate => {
  return (value, at) => {
    const count = countAt(value, at) + by;
    return count < 0 ? [] : [{ type, [keyword]: count }];
  };
};

const beyond = (keyword: string): Negate => {
  return (value, at) => [{ type: 'number', [keyword]: numberAt(value, at) }];
};

const negations: Readonly<Record<string, Negate>> = {
  type: (value, at, { path }) => {
    const types = typesAt(value, path);
    if (types.includes('integer') && !types.includes('number'))
      refuse(at, 'Numbers that are not whole cannot be told from others. Name the types that are allowed.');
    const others = typeNames.filter(
      (name) => !types.includes(name) && !(name === 'integer' && types.includes('number')),
    );
    return others.length === 0 ? [] : [{ type: others }];
  },
  const: (value) => otherValues([value]),
  enum: (value, at) => otherValues(listAt(value, at)),
  required: (value, at, { beside }) =>
    listAt(value, at).flatMap((item, i) => {
      const name = textAt(item, memberOf(at, i));
      return isRequired(name, beside) ? [] : [{ type: 'object', properties: { [name]: false } }];
    }),
  properties: (value, at, context) =>
    Object.entries(objectAt(value, at)).map(([name, property]) => ({
      type: 'object',
      properties: { [name]: negatedProperty(name, property, memberOf(at, name), context) },
      required: [name],
    })),
  pattern: (value, at) => [{ type: 'string', pattern: absent(textAt(value, at)) }],
  minLength: limit('string', 'maxLength', -1),
  maxLength: limit('string', 'minLength', 1),
  minItems: limit('array', 'maxItems', -1),
  maxItems: limit('array', 'minItems', 1),
  minProperties: limit('object', 'maxProperties', -1),
  maxProperties: limit('object', 'minProperties', 1),
  minimum: beyond('exclusiveMaximum'),
  maximum: beyond('exclusiveMinimum'),
  exclusiveMinimum: beyond('maximum'),
  exclusiveMaximum: beyond('minimum'),
  // Whether a text keeps its format is no matter of validity everywhere.
  format: () => [],
  not: (value) => [value],
  anyOf: (value, at, context) => [
    { allOf: listAt(value, at).map((one, i) => negationOf(one, memberOf(at, i), context)) },
  ],
  allOf: (value, at, context) => listAt(value, at).map((one, i) => negationOf(one, memberOf(at, i), context)),
  $ref: (value, at, context) => [negationOf(context.resolve({ $ref: value }), at, context)],
};

/** Throws `invalid_request` that names a keyword whose contrary no schema expresses. */
export function negation(
  schema: JsonValue,
  path: string,
  resolve: Resolve,
  beside: readonly JsonObject[] = [],
): JsonValue {
  return negationOf(schema, path, { path, beside, resolve, depth: mostDepth });
}

/** Of a property whose values are listed elsewhere, the others. */
function negatedProperty(name: string, property: JsonValue, at: string, context: Context): JsonValue {
  const values = valuesOfProperty(name, context.beside);
  const excluded = valuesIn(property)?.map((value) => textOf(value));
  if (values === undefined || excluded === undefined || !isListOnly(property))
    return negationOf(property, at, { ...context, beside: [] });
  const others = values.filter((value) => !excluded.includes(textOf(value)));
  return others.length > 0 && { enum: others };
}

/** Whether a schema says nothing but which values there are. */
function isListOnly(schema: JsonValue): boolean {
  return (
    isObject(schema) &&
    Object.keys(schema).every((keyword) => keyword === 'enum' || keyword === 'const' || isAnnotation(keyword))
  );
}

function negationOf(schema: JsonValue, path: string, { beside, resolve, depth }: Context): JsonValue {
  if (typeof schema === 'boolean') return !schema;
  if (depth === 0) refuse(path, `Negations are nested more than ${mostDepth} deep.`);
  const own = assertions(objectAt(schema, path), path);
  const context = { path, beside, resolve, depth: depth - 1 };
  const others = Object.entries(own).flatMap(([keyword, value]) => {
    const at = memberOf(path, keyword);
    const negate = Object.hasOwn(negations, keyword) ? negations[keyword] : undefined;
    if (negate === undefined)
      return refuse(at, `What ${keyword} does not allow cannot be told. Say what is allowed, with anyOf.`);
    return negate(value, at, context).filter((one) => one !== false);
  });
  const [first = false] = others;
  return others.length > 1 ? { anyOf: others } : first;
}

/** All values but some. Lists and objects are left out where one of them is excluded. */
function otherValues(values: readonly JsonValue[]): readonly JsonValue[] {
  const of = new Set(values.map((value) => typeOf(value)));
  const isNumber = of.has('number') || of.has('integer');
  const free = typeNames.filter((name) => !of.has(name) && !(isNumber && (name === 'number' || name === 'integer')));
  const booleans = [true, false].filter((value) => !values.includes(value));
  return [
    ...(free.length === 0 ? [] : [{ type: free }]),
    ...(of.has('boolean') && booleans.length === 1 ? [{ enum: booleans }] : []),
    ...(of.has('string') ? [{ type: 'string', pattern: otherTexts(values) }] : []),
    ...otherNumbers(values.filter((value) => typeof value === 'number')),
  ];
}

function otherTexts(values: readonly JsonValue[]): string {
  const texts = values.filter((value) => typeof value === 'string').map((text) => escapedPattern(text));
  return `^(?!(?:${texts.join('|')})$)`;
}

/** The intervals between some numbers. */
function otherNumbers(numbers: readonly number[]): readonly JsonObject[] {
  if (numbers.length === 0 || numbers.length > mostNumbers) return [];
  const sorted = [...new Set(numbers)].sort((a, b) => a - b);
  return [...sorted, undefined].map((upper, i) => ({
    type: 'number',
    ...(i === 0 ? {} : { exclusiveMinimum: sorted[i - 1] ?? 0 }),
    ...(upper === undefined ? {} : { exclusiveMaximum: upper }),
  }));
}
