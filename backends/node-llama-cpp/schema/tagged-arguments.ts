/** Arguments as models write them that do not write JSON: each between tags of its own, a string as it is. */
import type { JsonObject, JsonValue } from '../../../src/backend/index.ts';
import { anyOf, literal, repeated } from './gbnf.ts';
import { isList, isObject } from './json-kinds.ts';
import type { LeafRules } from './leaf-rules.ts';
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

/** Those of a tool's arguments that may not be any string, or any value of their type. Their grammars may add to the rules. */
export function argumentTexts(schema: JsonObject, leaves: LeafRules): ArgumentText[] {
  const { properties } = schema;
  if (!isObject(properties)) return [];
  const reader = new Reader(schema, leaves);
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

const definitionPath = '#/$defs/';

class Reader {
  readonly #definitions: JsonObject;
  readonly #leaves: LeafRules;
  /** By the definition's name: many arguments may be of one. */
  readonly #rules = new Map<string, string | undefined>();

  constructor({ $defs = {} }: JsonObject, leaves: LeafRules) {
    this.#definitions = isObject($defs) ? $defs : {};
    this.#leaves = leaves;
  }

  resolved(schema: JsonValue | undefined): JsonObject {
    let found = isObject(schema) ? schema : {};
    for (let hops = 0; typeof found['$ref'] === 'string' && hops < 64; hops++) {
      const definition = this.#definitions[found['$ref'].replace(definitionPath, '')];
      found = isObject(definition) ? definition : {};
    }
    return found;
  }

  /** Undefined for what needs none, or has none: lists and objects are JSON. */
  text(given: JsonValue | undefined): string | undefined {
    const schema = isObject(given) ? given : {};
    if (typeof schema['$ref'] === 'string') return this.#rule(schema['$ref'].replace(definitionPath, ''));
    if (schema['const'] !== undefined) return this.#value(schema['const']);
    if (isList(schema['enum'])) return this.#any(schema['enum'].map((value) => this.#value(value)));
    if (isList(schema['anyOf'])) return this.#any(schema['anyOf'].map((one) => this.#alternative(one)));
    const { type, minLength = 0, maxLength } = schema;
    if (type !== 'string' || typeof maxLength !== 'number' || typeof minLength !== 'number') return undefined;
    return maxLength === 0 ? '""' : repeated(anyTaggedCharacter, minLength, maxLength);
  }

  #rule(definition: string): string | undefined {
    if (this.#rules.has(definition)) return this.#rules.get(definition);
    this.#rules.set(definition, undefined); // for one that comes back to itself
    const text = this.text(this.#definitions[definition]);
    const rule = text === undefined ? undefined : this.#leaves.rule(text);
    this.#rules.set(definition, rule);
    return rule;
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
    return this.#leaves.textOf(value) ?? literal(value);
  }
}
