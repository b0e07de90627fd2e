/** Arguments as models write them that do not write JSON: each between tags of its own, a string as it is. */
import type { JsonObject, JsonValue } from '../../../src/backend/index.ts';
import type { CompiledSchema } from './compile-schema.ts';
import { anyOf, literal, repeated } from './gbnf.ts';
import { isList, isObject } from './json-kinds.ts';
import { anyTaggedCharacter } from './tagged-character.ts';

/** What an argument may be. */
export interface ArgumentText {
  readonly name: string;
  readonly gbnf: string;
  /** Else any text may follow. */
  readonly isWhole: boolean;
}

const plainTypes: ReadonlyMap<string, string> = new Map([
  ['null', '"null"'],
  ['boolean', '("true" | "false")'],
  ['integer', '("-"? ("0" | [1-9] [0-9]{0,15}))'],
]);

/** Those of a tool's arguments that may not be any string, or any value of their type. */
export function argumentTexts({ schema, texts }: CompiledSchema): ArgumentText[] {
  const { properties } = schema;
  if (!isObject(properties)) return [];
  const reader = new Reader(schema, texts);
  return Object.entries(properties).flatMap(([name, property]): ArgumentText[] => {
    const open = opening(reader.resolved(property));
    if (open !== undefined) return [{ name, gbnf: open, isWhole: false }];
    const gbnf = reader.text(property);
    return gbnf === undefined ? [] : [{ name, gbnf, isWhole: true }];
  });
}

/** The first characters of a string that only has to be so long. */
function opening({ type, minLength, maxLength }: JsonObject): string | undefined {
  const isOpen = type === 'string' && typeof minLength === 'number' && maxLength === undefined;
  return isOpen ? repeated(anyTaggedCharacter, minLength, minLength) : undefined;
}

class Reader {
  readonly #root: JsonObject;
  readonly #texts: CompiledSchema['texts'];

  constructor(root: JsonObject, texts: CompiledSchema['texts']) {
    this.#root = root;
    this.#texts = texts;
  }

  resolved(schema: JsonValue | undefined): JsonObject {
    const definitions = isObject(this.#root['$defs']) ? this.#root['$defs'] : {};
    let found = isObject(schema) ? schema : {};
    for (let hops = 0; typeof found['$ref'] === 'string' && hops < 64; hops++) {
      const definition = definitions[found['$ref'].replace('#/$defs/', '')];
      found = isObject(definition) ? definition : {};
    }
    return found;
  }

  /** Undefined for what needs none, or has none: lists and objects are JSON. */
  text(given: JsonValue | undefined): string | undefined {
    const schema = this.resolved(given);
    if (schema['const'] !== undefined) return this.#value(schema['const']);
    if (isList(schema['enum'])) return this.#any(schema['enum'].map((value) => this.#value(value)));
    if (isList(schema['anyOf'])) return this.#any(schema['anyOf'].map((one) => this.#alternative(one)));
    const { type, minLength = 0, maxLength } = schema;
    if (type !== 'string' || typeof maxLength !== 'number' || typeof minLength !== 'number') return undefined;
    return maxLength === 0 ? '""' : repeated(anyTaggedCharacter, minLength, maxLength);
  }

  #alternative(given: JsonValue): string | undefined {
    const { type } = this.resolved(given);
    return (typeof type === 'string' ? plainTypes.get(type) : undefined) ?? this.text(given);
  }

  #any(alternatives: readonly (string | undefined)[]): string | undefined {
    const known = alternatives.filter((one) => one !== undefined);
    return known.length === alternatives.length ? anyOf(known) : undefined;
  }

  #value(value: JsonValue): string | undefined {
    if (typeof value === 'object' && value !== null) return undefined;
    if (typeof value !== 'string') return literal(JSON.stringify(value));
    const text = this.#texts.get(value);
    return text === undefined ? literal(value) : `(${text()})`;
  }
}
