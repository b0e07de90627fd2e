import type { JsonObject } from '../../../src/backend/index.ts';

/**
 * Grammar rules for values that llama.cpp's converter has no words for. In the schema it is given, each is a constant of a
 * name that occurs nowhere else, which the engine replaces by the rule.
 */
export class LeafRules {
  readonly #prefix: string;
  readonly #names = new Map<string, string>();
  readonly #texts = new Map<string, () => string>();

  /** For a schema of this JSON text. */
  constructor(schema: string) {
    let prefix = 'leaf';
    while (schema.includes(prefix)) prefix += 'x';
    this.#prefix = prefix;
  }

  /** The name of any character of a JSON string. */
  get anyCharacter(): string {
    return `${this.#prefix}char`;
  }

  /** By name, the grammars of the values where they are no JSON. */
  get texts(): ReadonlyMap<string, () => string> {
    return this.#texts;
  }

  /** `text` is the same where the value is no JSON. */
  add(gbnf: string, text = (): string => gbnf): JsonObject {
    const name = this.#names.get(gbnf) ?? `${this.#prefix}${this.#names.size}`;
    this.#names.set(gbnf, name);
    this.#texts.set(name, text);
    return { const: name };
  }

  /** Lines of GBNF, the first rule being number 0. */
  toString(): string {
    if (this.#names.size === 0) return '';
    const lines = [...this.#names].map(([gbnf, name]) => `${name} ::= ${gbnf}\n`);
    return `${lines.join('')}${this.anyCharacter} ::= ${anyCharacter}\n`;
  }
}

/** As the engine's own rule for it. */
const anyCharacter = String.raw`[^"\\\x7F\x00-\x1F] | "\\" (["\\bfnrt] | "u" ([0-9a-cA-CefEF] [0-9a-fA-F] | [dD] [0-7]) [0-9a-fA-F] [0-9a-fA-F])`;
