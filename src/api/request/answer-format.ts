import { z } from 'zod';
import type { AnswerFormat } from '../../backend/index.ts';
import type { FieldName } from './field-table.ts';
import { contradiction, invalid, show } from './invalid-request.ts';
import type { JsonObject, KeyTable, ReadOptions } from './json-object.ts';
import { isJsonObject, readKeys, unsupported } from './json-object.ts';
import { readJsonObject } from './json-value.ts';
import type { ReaderKind } from './kinds.ts';
import { textOf } from './long-text.ts';
import { anything, isEmpty } from './values.ts';

/** Text as it comes is the default, and no format: it contradicts none. */
type Format = Exclude<AnswerFormat, { readonly type: 'text' }> | undefined;
type FormatReader = (format: JsonObject, path: string, options: ReadOptions) => Format;

const JSON_OBJECT = { type: 'json-object' } as const;
const MAX_CHOICES = 10_000;
const ANY_OBJECT = z.looseObject({});
const NOTHING = z.strictObject({});

export const FORMAT_KEYS = {
  text: { type: 'read' },
  json_object: { type: 'read', schema: 'read' },
  json_schema: {
    type: 'read',
    json_schema: 'read',
    schema: 'read',
    name: 'read',
    description: anything,
    strict: 'read',
  },
  json: { type: 'read', value: 'read' },
  regex: { type: 'read', regex: 'read', pattern: 'read', value: 'read' },
  grammar: { type: 'read', grammar: 'read' },
} as const satisfies Readonly<Record<string, KeyTable>>;

export const JSON_SCHEMA_KEYS = {
  name: 'read',
  description: anything,
  schema: 'read',
  strict: 'read',
} as const satisfies KeyTable;

const FORMAT_READERS: ReadonlyMap<unknown, FormatReader> = new Map<unknown, FormatReader>([
  ['text', readTextFormat],
  ['json_object', readJsonObjectFormat],
  ['json_schema', readJsonSchemaFormat],
  // TGI's name of it.
  ['json', readJsonFormat],
  ['regex', readRegexFormat],
  ['grammar', readGrammarFormat],
]);

/** OpenAI's `response_format`, and what TGI, Fireworks and Together add to it. */
export const FORMAT: ReaderKind<Format> = {
  shape: z.union([
    z.object({
      type: z.enum(['text', 'json_object', 'json_schema', 'json', 'regex', 'grammar']),
      json_schema: z
        .object({
          name: z.string().nullish(),
          description: z.unknown().optional(),
          strict: z.boolean().nullish(),
          schema: ANY_OBJECT,
        })
        .nullish(),
    }),
    NOTHING,
  ]),
  read(value, path, options) {
    if (!isJsonObject(value)) throw invalid(path, `${path} must be an object with a type, not ${show(value)}.`);
    if (isEmpty(value)) return undefined;
    const read = FORMAT_READERS.get(value['type']);
    if (read !== undefined) return read(value, path, options);
    const known = `It must be one of ${[...FORMAT_READERS.keys()].join(', ')}.`;
    const { type } = value;
    if (type === undefined || type === null) throw invalid(`${path}.type`, `${path}.type is missing. ${known}`);
    throw unsupported(`${path}.type`, type, known);
  },
};

/** A JSON schema, or its text. */
const SCHEMA: ReaderKind<Format> = {
  shape: z.union([ANY_OBJECT, z.string()]),
  read: (value, path) => schemaFormat(parsedSchema(value, path), path),
};

const JSON_SWITCH: ReaderKind<Format> = {
  shape: z.boolean(),
  read(value, path) {
    if (typeof value !== 'boolean') throw invalid(path, `${path} must be true or false, not ${show(value)}.`);
    return value ? JSON_OBJECT : undefined;
  },
};

const REGEX: ReaderKind<Format> = {
  shape: z.string(),
  read(value, path) {
    const pattern = readText(value, path);
    return pattern === '' ? undefined : { type: 'regex', pattern, param: path };
  },
};

const CHOICE: ReaderKind<Format> = {
  shape: z.union([z.array(z.string().min(1)).max(MAX_CHOICES), NOTHING, z.literal('')]),
  read(value, path) {
    if (isEmpty(value)) return undefined;
    const choices = Array.isArray(value) ? value.map((choice) => textOf(choice)) : [];
    if (choices.length > 0 && choices.length <= MAX_CHOICES && choices.every(isText)) {
      return { type: 'choice', choices, param: path };
    }
    throw invalid(
      path,
      `${path} must be an array of at most ${String(MAX_CHOICES)} non-empty strings, not ${show(value)}.`,
    );
  },
};

const GRAMMAR: ReaderKind<Format> = {
  shape: z.string(),
  read(value, path) {
    const grammar = readText(value, path);
    return grammar === '' ? undefined : { type: 'gbnf', grammar, param: path };
  },
};

/** Ollama's `format`: `json` or a schema. */
export const OLLAMA_FORMAT: ReaderKind<Format> = {
  shape: z.union([z.literal('json'), ANY_OBJECT]),
  read(value, path) {
    if (value === '') return undefined;
    if (value === 'json') return JSON_OBJECT;
    if (isJsonObject(value)) return schemaFormat(value, path);
    throw invalid(path, `${path} must be "json" or a JSON schema, not ${show(value)}.`);
  },
};

/** The fields that set the format: OpenAI's, then those of vLLM, SGLang, llama-server and Ollama. */
export const FORMAT_NAMES: readonly FieldName<Format>[] = [
  'response_format',
  { name: 'structured_outputs.json', kind: SCHEMA },
  { name: 'structured_outputs.json_object', kind: JSON_SWITCH },
  { name: 'structured_outputs.regex', kind: REGEX },
  { name: 'structured_outputs.choice', kind: CHOICE },
  { name: 'structured_outputs.grammar', kind: GRAMMAR },
  { name: 'guided_json', kind: SCHEMA },
  { name: 'guided_json_object', kind: JSON_SWITCH },
  { name: 'guided_regex', kind: REGEX },
  { name: 'guided_choice', kind: CHOICE },
  { name: 'guided_grammar', kind: GRAMMAR },
  { name: 'regex', kind: REGEX },
  { name: 'ebnf', kind: GRAMMAR },
  { name: 'json_schema', kind: SCHEMA },
  { name: 'grammar', kind: GRAMMAR },
  { name: 'format', kind: OLLAMA_FORMAT },
];

function readTextFormat(format: JsonObject, path: string, options: ReadOptions): undefined {
  readKeys(format, path, FORMAT_KEYS.text, options);
}

function readJsonObjectFormat(format: JsonObject, path: string, options: ReadOptions): Format {
  const { schema } = readKeys(format, path, FORMAT_KEYS.json_object, options);
  return schema === undefined ? JSON_OBJECT : schemaFormat(schema, `${path}.schema`);
}

/** The schema stands in `json_schema`, or beside the type, as in OpenAI's Responses. */
function readJsonSchemaFormat(format: JsonObject, path: string, options: ReadOptions): Format {
  const { json_schema: inner, ...outer } = readKeys(format, path, FORMAT_KEYS.json_schema, options);
  if (inner === undefined && outer.schema !== undefined) return readNamedSchema(outer, path);
  const place = `${path}.json_schema`;
  if (!isJsonObject(inner)) throw invalid(place, `${place} must be an object with a schema, not ${show(inner)}.`);
  return readNamedSchema(readKeys(inner, place, JSON_SCHEMA_KEYS, options), place);
}

function readNamedSchema(
  { name, strict, schema }: { readonly name?: unknown; readonly strict?: unknown; readonly schema?: unknown },
  path: string,
): Format {
  if (name !== undefined) readText(name, `${path}.name`);
  // It makes no difference: a schema is always kept.
  if (strict !== undefined && typeof strict !== 'boolean') {
    throw invalid(`${path}.strict`, `${path}.strict must be true or false, not ${show(strict)}.`);
  }
  return schemaFormat(schema, `${path}.schema`);
}

function readJsonFormat(format: JsonObject, path: string, options: ReadOptions): Format {
  const { value } = readKeys(format, path, FORMAT_KEYS.json, options);
  return schemaFormat(value, `${path}.value`);
}

/** Together's `pattern`, TGI's `value`. */
function readRegexFormat(format: JsonObject, path: string, options: ReadOptions): Format {
  const { type: _, ...places } = readKeys(format, path, FORMAT_KEYS.regex, options);
  const [place = ['regex', undefined] as const, second] = Object.entries(places);
  if (second !== undefined) throw contradiction(`${path}.${place[0]}`, `${path}.${second[0]}`);
  const param = `${path}.${place[0]}`;
  return requireFormat(REGEX.read(place[1], param, options), param);
}

function readGrammarFormat(format: JsonObject, path: string, options: ReadOptions): Format {
  const { grammar } = readKeys(format, path, FORMAT_KEYS.grammar, options);
  return requireFormat(GRAMMAR.read(grammar, `${path}.grammar`, options), `${path}.grammar`);
}

function requireFormat(format: Format, path: string): Format {
  if (format === undefined) throw invalid(path, `${path} is empty.`);
  return format;
}

function schemaFormat(schema: unknown, path: string): Format {
  if (!isJsonObject(schema)) throw invalid(path, `${path} must be a JSON schema, not ${show(schema)}.`);
  return isEmpty(schema) ? JSON_OBJECT : { type: 'json-schema', schema: readJsonObject(schema, path), param: path };
}

function parsedSchema(value: unknown, path: string): unknown {
  const text = textOf(value);
  if (text === undefined) return value;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw invalid(path, `${path} must be a JSON schema or its text, not ${show(value)}.`);
  }
}

function isText(choice: string | undefined): choice is string {
  return choice !== undefined && choice !== '';
}

function readText(value: unknown, path: string): string {
  const text = textOf(value);
  if (text === undefined) throw invalid(path, `${path} must be a string, not ${show(value)}.`);
  return text;
}
