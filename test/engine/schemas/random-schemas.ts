import type { JsonObject, JsonValue } from '../../../src/backend/index.ts';
import { Choices } from '../storm/choices.ts';
import { ifThen } from './if-then.ts';

const names = ['name', 'age', 'größe', '日付', 'e-mail', 'a b', 'type', 'value', 'émoji 😀', 'x_1', 'dash-ed'];
const words = ['pending', 'paid', 'größer', 'naïve café', '"quoted"', 'a\\b', 'line\nbreak', '漢字', '😀', ''];
const patterns = [
  '^(?!no)[a-z]{2,4}$',
  '^(?=.*\\d)[a-z\\d]{1,4}$',
  '^(?=[^"]).{2,3}(?!x)$',
  '^[A-Z]{2}-\\d{3}$',
  '^(yes|no|maybe)$',
  '^\\w{1,4}$',
  '^[^x"]{2}z?$',
  '^a+b{0,3}$',
  '^[\\s.]{1,2}$',
];
const formats = ['date', 'time', 'date-time', 'uuid', 'ipv4', 'ipv6', 'duration'];
const deepest = 3;

type Make = (choices: Choices, depth: number) => JsonObject;

/** A schema that a random text could not go on for ever in, of the supported keywords; the same one for the same seed. */
export function randomSchema(seed: number): JsonObject {
  const choices = new Choices('schema', seed);
  const root = object(choices, 0);
  return { ...root, $defs: { leaf: scalar(choices), node: node(choices), kinds: { enum: ['a', 'b', 1, null] } } };
}

/** A list that ends, or not: `next` is a node or null. */
function node(choices: Choices): JsonObject {
  return {
    type: 'object',
    properties: { value: scalar(choices), next: { anyOf: [{ type: 'null' }, { $ref: '#/$defs/node' }] } },
    required: ['value', 'next'],
    additionalProperties: false,
  };
}

const kinds: readonly Make[] = [
  scalar,
  scalar,
  object,
  array,
  (choices, depth) => ({ anyOf: [scalar(choices), any(choices, depth + 1), { type: 'null' }] }),
  map,
  (choices) => ({
    type: 'array',
    items: { enum: [...words.slice(0, choices.integer(2, 6)), 3] },
    uniqueItems: true,
    ...(choices.chance(0.5) ? { minItems: choices.integer(0, 3) } : {}),
  }),
  (choices) => ({ $ref: `#/$defs/${choices.pick(['leaf', 'node', 'kinds'])}` }),
  (choices) => ({
    allOf: [
      { type: 'object', properties: { a: scalar(choices) }, required: ['a'] },
      { properties: { b: scalar(choices) }, required: ['b'] },
    ],
  }),
  (choices) => ({
    oneOf: ['cat', 'dog'].map((kind) => ({
      type: 'object',
      properties: { kind: { const: kind }, data: scalar(choices) },
      required: ['kind', 'data'],
    })),
  }),
  condition,
  (choices) => ({
    type: 'array',
    items: { anyOf: [scalar(choices), { enum: ['a', 1, null] }] },
    contains: { enum: ['a', 1, null] },
    maxItems: choices.integer(2, 4),
    ...(choices.chance(0.3) ? { minContains: 2 } : {}),
  }),
  (choices) => ({
    type: 'array',
    items: { enum: Array.from({ length: 15 }, (_, i) => `label ${i}`) },
    uniqueItems: true,
    minItems: choices.integer(0, 3),
  }),
  (choices) => ({
    type: 'object',
    allOf: [
      { type: 'object', properties: { a: scalar(choices) }, required: ['a'] },
      { properties: { b: scalar(choices) } },
    ],
    properties: { note: text(choices) },
    unevaluatedProperties: false,
  }),
];

/** Objects in which one property says what holds of others. */
function condition(choices: Choices): JsonObject {
  const base = {
    type: 'object',
    properties: {
      kind: { enum: ['a', 'b', 'c'] },
      count: { type: 'integer', minimum: 0, maximum: 99 },
      note: text(choices),
    },
    required: choices.chance(0.5) ? ['kind', 'count'] : ['kind'],
    additionalProperties: false,
  };
  const isScarce = { properties: { count: { maximum: 9 } }, required: ['note'] };
  const said: readonly JsonObject[] = [
    ifThen(isKind('a'), isScarce, { not: { required: ['note'] } }),
    { allOf: ['a', 'b'].map((kind) => ifThen(isKind(kind), { required: [choices.pick(['note', 'count'])] })) },
    { not: { properties: { count: { minimum: 5, maximum: 50 } }, required: ['count'] } },
    { dependentRequired: { note: ['count'] }, not: isKind('b') },
    { oneOf: [{ required: ['note'] }, { properties: { count: { minimum: 20 } }, required: ['count'] }] },
  ];
  return { ...base, ...choices.pick(said) };
}

function isKind(kind: string): JsonObject {
  return { properties: { kind: { const: kind } } };
}

function any(choices: Choices, depth: number): JsonObject {
  return depth >= deepest ? scalar(choices) : choices.pick(kinds)(choices, depth + 1);
}

function object(choices: Choices, depth: number): JsonObject {
  const properties: Record<string, JsonValue> = {};
  for (let count = choices.integer(1, 4); count > 0; count--) properties[choices.pick(names)] = any(choices, depth + 1);
  const required = Object.keys(properties).filter(() => choices.chance(0.7));
  return { type: 'object', properties, required, ...(choices.chance(0.7) ? { additionalProperties: false } : {}) };
}

/** An object that has to have a property or two, of names that a pattern matches: a random text could go on with more. */
function map(choices: Choices, depth: number): JsonObject {
  const named = { other: any(choices, depth + 1) };
  return {
    type: 'object',
    ...(choices.chance(0.5) ? { properties: named } : {}),
    patternProperties: { '^x-\\d$': scalar(choices), '^[ä"]+$': { type: 'boolean' } },
    required: choices.chance(0.7) ? ['x-0'] : ['x-0', 'ä"'],
    additionalProperties: choices.chance(0.3) ? { type: 'null' } : false,
  };
}

function array(choices: Choices, depth: number): JsonObject {
  if (choices.chance(0.2)) {
    return { type: 'array', prefixItems: [scalar(choices), scalar(choices)], minItems: 2, maxItems: 2 };
  }
  const minItems = choices.integer(0, 2);
  return { type: 'array', items: any(choices, depth + 1), minItems, maxItems: minItems + choices.integer(0, 2) };
}

function scalar(choices: Choices): JsonObject {
  return choices.pick<(choices: Choices) => JsonObject>([
    text,
    () => ({ type: 'string', pattern: choices.pick(patterns) }),
    () => ({ type: 'string', format: choices.pick(formats) }),
    () => ({ enum: [choices.pick(words), choices.pick(words), choices.integer(-5, 5), choices.chance(0.5)] }),
    () => ({ const: choices.pick<JsonValue>([...words, 42, -1.5, true, null, [1, 'x'], { a: 1 }]) }),
    integer,
    number,
    multiple,
    () => ({ type: 'string', pattern: '^[a-z]+-\\d*$', minLength: 3, maxLength: choices.integer(4, 9) }),
    () => ({ type: 'boolean' }),
    () => ({ type: ['integer', 'null'], minimum: choices.integer(-9, 9) }),
    () => ({ type: 'boolean', nullable: true }),
    () => ({ type: 'string', maxLength: 6, not: { enum: words.slice(0, choices.integer(1, 5)) } }),
    () => ({ allOf: [{ type: 'string', pattern: choices.pick(patterns) }, { not: { pattern: '[xy]$' } }] }),
    () => ({ type: 'integer', minimum: -20, maximum: 20, not: { enum: [0, choices.integer(1, 9), -3] } }),
  ])(choices);
}

function text(choices: Choices): JsonObject {
  const minLength = choices.integer(0, 3);
  return { type: 'string', minLength, maxLength: minLength + choices.integer(0, 6) };
}

function integer(choices: Choices): JsonObject {
  const minimum = choices.integer(-2000, 2000);
  const keyword = choices.pick(['minimum', 'exclusiveMinimum']);
  return {
    type: 'integer',
    [keyword]: minimum,
    ...(choices.chance(0.7) ? { maximum: minimum + choices.integer(1, 500) } : {}),
  };
}

function multiple(choices: Choices): JsonObject {
  const minimum = choices.integer(-300, 300);
  const bounds = choices.chance(0.5) ? { minimum, maximum: minimum + choices.integer(70, 5000) } : {};
  return choices.chance(0.5)
    ? { type: 'integer', multipleOf: choices.pick([2, 3, 7, 12, 60]), ...bounds }
    : { type: 'number', multipleOf: choices.pick([0.25, 0.5, 2.5]), ...bounds };
}

function number(choices: Choices): JsonObject {
  const minimum = choices.integer(-500, 500) / 8;
  const maximum = minimum + choices.integer(1, 400) / 16;
  return choices.chance(0.3)
    ? { type: 'number', exclusiveMaximum: maximum }
    : { type: 'number', exclusiveMinimum: minimum, maximum };
}
