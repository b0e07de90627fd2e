import type { JsonObject } from '../../../src/backend/index.ts';
import type { CompiledFormat } from './answer-source.ts';

const smallFormats = 24;
const smallGroups = 4;
/** Of about 100 kB each. V8 goes on compiling what it runs until it has seen some of that size. */
const largeFormats = 6;
const largeGroups = 48;

/**
 * Schemas as programs generate them from their types, with every kind of value: what a thread compiles so that V8 knows the
 * code by the time that a client's schema comes. Each is small, so that a client's need not wait for many.
 */
export function* sampleFormats(): Generator<CompiledFormat> {
  for (let i = 0; i < smallFormats; i++) yield { type: 'json-schema', schema: sampleSchema(`part_${i}`, smallGroups) };
}

/** The same, large, for when nobody waits. */
export function* largeSampleFormats(): Generator<CompiledFormat> {
  for (let i = 0; i < largeFormats; i++) yield { type: 'json-schema', schema: sampleSchema(`whole_${i}`, largeGroups) };
}

function sampleSchema(name: string, groups: number): JsonObject {
  const properties = Object.fromEntries(
    Array.from({ length: groups }, (_, i) => [`${name}_${i}`, objectOf(fields(`${name}_${i}`))]),
  );
  return { ...objectOf(properties), $defs: { unit: { enum: ['piece', 'hour', name] } } };
}

function fields(name: string): JsonObject {
  return {
    id: { type: 'string', pattern: `^${name}-[0-9]{4}$`, description: 'As it is printed.' },
    label: { type: 'string', minLength: 1, maxLength: 40 },
    note: { anyOf: [{ type: 'string' }, { type: 'null' }] },
    day: { type: 'string', format: 'date' },
    count: { type: 'integer', minimum: 0, maximum: 10_000 },
    price: { type: 'number', minimum: 0, exclusiveMaximum: 99_999.5 },
    tax: { type: 'number', multipleOf: 0.05, minimum: 0, maximum: 1 },
    state: { enum: ['pending', 'paid', 'overdue', name] },
    codes: { type: 'array', items: { type: 'string', pattern: '^(?!X)[A-Z]{2}$' }, maxItems: 5 },
    unit: { $ref: '#/$defs/unit' },
    kind: { oneOf: [objectOf({ type: { const: 'good' } }), objectOf({ type: { const: 'service' } })] },
    more: { type: 'object', additionalProperties: { type: 'boolean' } },
  };
}

function objectOf(properties: JsonObject): JsonObject {
  return { type: 'object', properties, required: Object.keys(properties), additionalProperties: false };
}
