import type { JsonObject, JsonValue } from '../../../src/backend/index.ts';
import type { Choices } from '../storm/choices.ts';
import { ifThen } from './if-then.ts';

const names = ['a', 'b', 'c'] as const;
const values: readonly JsonValue[] = [null, true, 0, 1, 2, 6, 0.5, 'x', 'y', 'xy', ''];
const deepest = 3;

type Make = (choices: Choices, depth: number) => JsonObject;

/** A schema of keywords that are about the same few values, so that each of them tells some of the others' apart. */
export function combinedSchema(choices: Choices): JsonObject {
  const make = choices.pick<Make>([combination, combination, object, array]);
  return { ...make(choices, 0), $defs: { one: object(choices, 2), whole: { type: 'integer' } } };
}

/** A value of the kind that these schemas are about. */
export function smallValue(choices: Choices, depth = 0): JsonValue {
  const kind = depth > 1 ? 0 : choices.integer(0, 3);
  if (kind < 2) return choices.pick(values);
  if (kind === 2) return Array.from({ length: choices.integer(0, 3) }, () => smallValue(choices, depth + 1));
  const present = [...names.filter(() => choices.chance(0.5)), ...(choices.chance(0.1) ? ['d'] : [])];
  return Object.fromEntries(present.map((name) => [name, smallValue(choices, depth + 1)]));
}

function any(choices: Choices, depth: number): JsonObject {
  return depth >= deepest
    ? scalar(choices)
    : choices.pick<Make>([scalar, scalar, object, array, combination])(choices, depth);
}

function scalar(choices: Choices): JsonObject {
  return choices.pick<() => JsonObject>([
    () => ({ type: choices.pick(['integer', 'string', 'boolean', 'null']) }),
    () => ({ type: ['integer', 'null'] }),
    () => ({ type: 'number', minimum: choices.integer(0, 2) }),
    () => ({ type: 'integer', exclusiveMaximum: 2 }),
    () => ({ multipleOf: choices.pick([2, 3, 0.5]) }),
    () => ({ enum: [choices.pick(values), choices.pick(values)] }),
    () => ({ const: choices.pick(values) }),
    () => ({ type: 'string', pattern: choices.pick(['^x', 'y$', '^(?!x)']) }),
    () => ({ type: 'string', maxLength: 1 }),
    () => ({ $ref: '#/$defs/whole' }),
  ])();
}

function object(choices: Choices, depth: number): JsonObject {
  const some = (): string[] => names.filter(() => choices.chance(0.5));
  const property = (): JsonValue => (choices.chance(0.1) ? choices.chance(0.5) : any(choices, depth + 1));
  const maybe = (chance: number, make: () => JsonObject): JsonObject => (choices.chance(chance) ? make() : {});
  return {
    ...maybe(0.8, () => ({ type: 'object' })),
    ...maybe(0.8, () => ({ properties: Object.fromEntries(some().map((name) => [name, property()])) })),
    ...maybe(0.5, () => ({ required: names.filter(() => choices.chance(0.4)) })),
    ...maybe(0.5, () => ({ additionalProperties: choices.pick([false, false, true, scalar(choices)]) })),
    ...maybe(0.15, () => ({ unevaluatedProperties: choices.pick([false, false, scalar(choices)]) })),
    ...maybe(0.1, () => ({ patternProperties: { [choices.pick(['^a', '^[bc]$'])]: scalar(choices) } })),
    ...maybe(0.1, () => ({ propertyNames: choices.pick([{ enum: ['a', 'b'] }, { pattern: '^[ab]' }]) })),
    ...maybe(0.1, () => ({ minProperties: choices.integer(1, 2) })),
    ...maybe(0.1, () => ({ maxProperties: choices.integer(1, 2) })),
    ...maybe(0.1, () => ({ dependentRequired: { [choices.pick(names)]: [choices.pick(names)] } })),
  };
}

function array(choices: Choices, depth: number): JsonObject {
  const item = (): JsonObject => any(choices, depth + 1);
  return {
    type: 'array',
    maxItems: choices.integer(1, 3),
    ...(choices.chance(0.7) ? { items: item() } : {}),
    ...(choices.chance(0.25) ? { prefixItems: [item(), item()].slice(0, choices.integer(1, 2)) } : {}),
    ...(choices.chance(0.3) ? { minItems: 1 } : {}),
    ...(choices.chance(0.3) ? { contains: scalar(choices) } : {}),
    ...(choices.chance(0.1) ? { minContains: choices.integer(0, 2) } : {}),
    ...(choices.chance(0.1) ? { maxContains: 1 } : {}),
    ...(choices.chance(0.1) ? { unevaluatedItems: false } : {}),
  };
}

function combination(choices: Choices, depth: number): JsonObject {
  const part = (): JsonObject => choices.pick<Make>([object, object, array, any])(choices, depth + 1);
  const said = choices.pick<() => JsonObject>([
    () => ({ allOf: [part(), part()] }),
    () => ({ allOf: [part(), { $ref: '#/$defs/one' }] }),
    () => ({ anyOf: [part(), part()] }),
    () => ({ oneOf: [part(), part()] }),
    () => ({ not: part() }),
    () => ifThen(part(), part(), part()),
    () => ({ $ref: '#/$defs/one' }),
  ]);
  return { ...(choices.chance(0.6) ? object(choices, depth) : {}), ...said() };
}
