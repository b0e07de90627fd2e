import { z } from 'zod';
import type { Field, FieldTable } from './field-table.ts';
import { ANY_KEY } from './field-table.ts';
import type { Kind } from './kinds.ts';

/** A JSON Schema of draft 2020-12, as OpenAPI 3.1 has it. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/**
 * The JSON Schema of a request's body: the fields that its table reads, and `others`, which are read in another way. Fields
 * that are only known to ask for nothing are left out. Null stands for an absent field everywhere.
 */
export function requestSchema(
  table: FieldTable,
  others: Readonly<Record<string, z.ZodType>>,
  required: readonly string[],
): JsonSchema {
  const fields = Object.fromEntries([...table].flatMap(([name, field]) => described(name, field)));
  const read = Object.fromEntries(Object.entries(others).map(([name, schema]) => [name, jsonSchema(schema)]));
  return { type: 'object', properties: { ...fields, ...read }, required };
}

/** A zod schema as JSON Schema: of what it reads, before it is transformed. */
export function jsonSchema(schema: z.ZodType): JsonSchema {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  return rest;
}

function described(name: string, field: Field): [string, JsonSchema][] {
  if (name === ANY_KEY) return [];
  const [one, other] = [objectSchema(field.fields), valueSchema(field)].filter((schema) => schema !== undefined);
  if (one === undefined) return [];
  return [[name, { anyOf: [other === undefined ? one : { allOf: [one, other] }, { type: 'null' }] }]];
}

function objectSchema(table: FieldTable): JsonSchema | undefined {
  const properties = [...table].flatMap(([name, field]) => described(name, field));
  return properties.length === 0 ? undefined : { type: 'object', properties: Object.fromEntries(properties) };
}

/** Several settings of one field read the same values. */
function valueSchema({ setters }: Field): JsonSchema | undefined {
  const [first] = setters;
  return first === undefined ? undefined : kindSchema(first.kind);
}

function kindSchema(kind: Kind<unknown>): JsonSchema {
  if ('read' in kind) return jsonSchema(kind.shape);
  return {
    ...jsonSchema(kind.schema),
    description: `${kind.expected.charAt(0).toUpperCase()}${kind.expected.slice(1)}.`,
  };
}
