import type { JsonObject, JsonValue } from '../../../src/backend/index.ts';

/**
 * Grammar rules for values that llama.cpp's converter has no words for. In the schema it is given, each is a constant of a
 * name that occurs nowhere else, which the engine replaces by the rule.
 */
export class LeafRules {
  readonly #prefix: string;
  readonly #names = new Map<string, string>();
  readonly #texts = new Map<string, () => string>();
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

  /** A schema of the texts that a grammar matches. `text`: of the value where it is no JSON, if that is another grammar. */
  add(gbnf: string, text?: () => string): JsonObject {
    const name = this.rule(gbnf);
    if (text !== undefined) this.#texts.set(name, text);
    return { const: name };
  }

  /** The rule of a constant's value where it is no JSON; undefined of a constant that stands for no rule. */
  textOf(value: string): string | undefined {
    if (!this.has(value)) return undefined;
    const text = this.#texts.get(value);
    if (text === undefined) return value;
    const name = this.rule(text());
    this.#texts.set(value, () => name);
    return name;
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
