import type { JsonObject, JsonValue } from '../../../src/backend/index.ts';
import { literal } from './gbnf.ts';

/** A value's grammar where it is not written as JSON. */
export interface OtherWritings {
  /** Between tags, where a string stands as it is; undefined where it has no such form. */
  readonly text?: () => string;
  /** Among values whose strings stand between quotes of their own. */
  readonly quoted: (quote: string) => string;
}

/** Those of a string, of which `text` is the grammar. */
export function writingsOfString(text: () => string): OtherWritings {
  return { text, quoted: (quote) => `${literal(quote)} ${text()} ${literal(quote)}` };
}

/** A value whose strings have other quotes than JSON's. */
export interface QuotedValue {
  /** The constant that stands for it in the schema. */
  readonly name: string;
  readonly gbnf: string;
}

/**
 * Grammar rules for values that llama.cpp's converter has no words for. In the schema it is given, each is a constant of a
 * name that occurs nowhere else, which the engine replaces by the rule.
 */
export class LeafRules {
  readonly #prefix: string;
  readonly #names = new Map<string, string>();
  /** Of the rules that stand for values. */
  readonly #values = new Map<string, OtherWritings | undefined>();
  readonly #texts = new Map<string, string>();
  readonly #lines: string[] = [];
  #bytes = 0;
  #usesAnyCharacter = false;

  /** For a schema of this JSON text. */
  constructor(schema: string) {
    let prefix = 'leaf';
    while (schema.includes(prefix)) prefix += 'x';
    this.#prefix = prefix;
  }

  /** The name of any character of a JSON string. */
  get anyCharacter(): string {
    this.#usesAnyCharacter = true;
    return `${this.#prefix}char`;
  }

  /** Characters of all rules so far. */
  get length(): number {
    return this.#bytes;
  }

  /** A schema of the texts that a grammar matches. `writings`: where those that are no JSON are of other grammars. */
  add(gbnf: string, writings?: OtherWritings): JsonObject {
    const name = this.rule(gbnf);
    if (writings !== undefined || !this.#values.has(name)) this.#values.set(name, writings);
    return { const: name };
  }

  /** The rule of a constant's value where it is no JSON; undefined of a constant that stands for no rule. */
  textOf(value: string): string | undefined {
    if (!this.has(value)) return undefined;
    const known = this.#texts.get(value);
    if (known !== undefined) return known;
    const text = this.#values.get(value)?.text;
    const name = text === undefined ? value : this.rule(text());
    this.#texts.set(value, name);
    return name;
  }

  /** The grammars of all values so far where strings have other quotes, by the constants that stand for them. */
  quoted(quote: string): QuotedValue[] {
    return Array.from(this.#values, ([name, writings]) => ({ name, gbnf: writings?.quoted(quote) ?? name }));
  }

  /** The name of a rule, the same one for the same grammar. */
  rule(gbnf: string): string {
    const known = this.#names.get(gbnf);
    if (known !== undefined) return known;
    const name = this.reserve();
    this.#names.set(gbnf, name);
    this.define(name, gbnf);
    return name;
  }

  /** A name for a rule that `define` gives: rules that refer to one another need the names first. */
  reserve(): string {
    return `${this.#prefix}${this.#lines.push('') - 1}`;
  }

  define(name: string, gbnf: string): void {
    this.#lines[Number(name.slice(this.#prefix.length))] = `${name} ::= ${gbnf}\n`;
    this.#bytes += name.length + gbnf.length;
  }

  /** Whether a constant stands for a rule. */
  has(value: JsonValue): boolean {
    return typeof value === 'string' && value.startsWith(this.#prefix);
  }

  /** Lines of GBNF, the first rule being number 0. */
  toString(): string {
    if (this.#lines.length === 0) return '';
    return this.#lines.join('') + (this.#usesAnyCharacter ? `${this.#prefix}char ::= ${anyCharacter}\n` : '');
  }
}

/** As the engine's own rule for it. */
const anyCharacter = String.raw`[^"\\\x7F\x00-\x1F] | "\\" (["\\bfnrt] | "u" ([0-9a-cA-CefEF] [0-9a-fA-F] | [dD] [0-7]) [0-9a-fA-F] [0-9a-fA-F])`;
