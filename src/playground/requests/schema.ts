import { parse, printParseErrorCode } from 'jsonc-parser';
import type { ParseError } from 'jsonc-parser';
import { isRecord } from './json.ts';
import type { JsonRecord } from './json.ts';

export type CheckedSchema =
  | { readonly schema: JsonRecord; readonly problem?: undefined }
  | { readonly schema?: undefined; readonly problem: string };

/** Reads a JSON schema as typed, or says what is wrong with it and where. */
export function checkSchema(text: string): CheckedSchema {
  if (text.trim() === '') return { problem: 'Write a JSON schema, or start from an example.' };
  const errors: ParseError[] = [];
  const schema: unknown = parse(text, errors, { disallowComments: true });
  const [error] = errors;
  if (error !== undefined) return { problem: `${placeOf(text, error.offset)}: ${messageOf(error)}` };
  if (isRecord(schema)) return { schema };
  return { problem: 'A schema must be a JSON object, such as {"type": "object"}.' };
}

/** `ValueExpected` as words. */
function messageOf({ error }: ParseError): string {
  return printParseErrorCode(error).replaceAll(/(?<!^)[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

function placeOf(text: string, offset: number): string {
  const lines = text.slice(0, offset).split('\n');
  return `Line ${String(lines.length)}, column ${String((lines.at(-1) ?? '').length + 1)}`;
}

/** A schema as typed, with line breaks and indents. Unchanged where it is no JSON. */
export function formatSchema(text: string): string {
  const { schema } = checkSchema(text);
  return schema === undefined ? text : JSON.stringify(schema, null, 2);
}

const object = (properties: JsonRecord): JsonRecord => ({
  type: 'object',
  properties,
  required: Object.keys(properties),
  additionalProperties: false,
});
const listOf = (items: JsonRecord): JsonRecord => ({ type: 'array', items });
const TEXT = { type: 'string' };
const NUMBER = { type: 'number' };

/** Schemas to start from, by name. */
export const EXAMPLE_SCHEMAS: Readonly<Record<string, JsonRecord>> = {
  Description: object({ title: TEXT, description: TEXT, tags: listOf(TEXT) }),
  'Objects with boxes': object({
    objects: listOf(object({ label: TEXT, bbox: { ...listOf(NUMBER), minItems: 4, maxItems: 4 } })),
  }),
  Invoice: object({
    seller: TEXT,
    date: TEXT,
    currency: TEXT,
    items: listOf(object({ description: TEXT, quantity: NUMBER, price: NUMBER })),
    total: NUMBER,
  }),
};
