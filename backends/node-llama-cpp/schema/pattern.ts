/** Regular expressions of JavaScript as grammars. */
import { type AST, RegExpParser } from '@eslint-community/regexpp';
import { allBut, characters, type CharacterSet, union, without } from './character-set.ts';
import { anyOf, literal, mostRepetitions, oneOf, oneOfInJson, repeated } from './gbnf.ts';

/** An expression that cannot be made a grammar; the message says what it is about. */
export class UnsupportedPattern extends Error {
  override readonly name = 'UnsupportedPattern';
}

/** A pattern's grammar, and the numbers of characters that match. */
export interface PatternRule {
  readonly gbnf: string;
  readonly minLength: number;
  /** May be infinite. */
  readonly maxLength: number;
}

const mostDepth = 50;
const mostCharacters = 20_000;

const digits = characters([0x30, 0x39]);
const words = characters([0x30, 0x39], [0x41, 0x5a], [0x5f, 0x5f], [0x61, 0x7a]);
const spaces = characters(
  [0x09, 0x0d],
  [0x20, 0x20],
  [0xa0, 0xa0],
  [0x1680, 0x1680],
  [0x2000, 0x200a],
  [0x2028, 0x2029],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x3000, 0x3000],
  [0xfeff, 0xfeff],
);
const tagStart = characters([0x3c, 0x3c]);
const lineEnds = characters([0x0a, 0x0a], [0x0d, 0x0d], [0x2028, 0x2029]);

export interface PatternSettings {
  /** Whether the text stands in a JSON string. */
  readonly inJson: boolean;
  /** The grammar of any character. */
  readonly anyCharacter: string;
  /** Whether the pattern is to match all of the text, anchors or not. */
  readonly whole: boolean;
  /** Whether a tag follows the text: sets of characters have no `<` then. */
  readonly isTagged?: boolean;
}

/** The grammar of the texts in which a pattern is found. Throws `UnsupportedPattern`. */
export function patternRule(source: string, settings: PatternSettings): PatternRule {
  if (source.length > mostCharacters) throw new UnsupportedPattern(`it has more than ${mostCharacters} characters`);
  return new Converter(settings).pattern(parse(source));
}

function parse(source: string): AST.Pattern {
  const parser = new RegExpParser({ ecmaVersion: 2025 });
  try {
    return parser.parsePattern(source, 0, source.length, { unicode: true });
  } catch (error) {
    try {
      return parser.parsePattern(source, 0, source.length, { unicode: false });
    } catch {
      throw new UnsupportedPattern(error instanceof Error ? error.message : String(error));
    }
  }
}

class Converter {
  readonly #settings: PatternSettings;
  #depth = 0;

  constructor(settings: PatternSettings) {
    this.#settings = settings;
  }

  pattern({ alternatives }: AST.Pattern): PatternRule {
    return this.#alternatives(
      alternatives.map((alternative) => {
        const elements = [...alternative.elements];
        const isAnchored = (at: number, kind: 'start' | 'end'): boolean => {
          const element = elements.at(at);
          return element?.type === 'Assertion' && element.kind === kind;
        };
        const begins = isAnchored(0, 'start');
        if (begins) elements.shift();
        const ends = isAnchored(-1, 'end');
        if (ends) elements.pop();
        const anything: PatternRule = {
          gbnf: repeated(this.#settings.anyCharacter, 0, Infinity),
          minLength: 0,
          maxLength: Infinity,
        };
        return this.#sequence([
          ...(begins || this.#settings.whole ? [] : [anything]),
          this.#elements(elements),
          ...(ends || this.#settings.whole ? [] : [anything]),
        ]);
      }),
    );
  }

  #alternatives(rules: readonly PatternRule[]): PatternRule {
    return {
      gbnf: anyOf(rules.map(({ gbnf }) => gbnf)),
      minLength: Math.min(...rules.map(({ minLength }) => minLength)),
      maxLength: Math.max(...rules.map(({ maxLength }) => maxLength)),
    };
  }

  #sequence(rules: readonly PatternRule[]): PatternRule {
    return {
      gbnf:
        rules
          .map(({ gbnf }) => gbnf)
          .filter((gbnf) => gbnf !== '""')
          .join(' ') || '""',
      minLength: rules.reduce((sum, { minLength }) => sum + minLength, 0),
      maxLength: rules.reduce((sum, { maxLength }) => sum + maxLength, 0),
    };
  }

  #elements(elements: readonly AST.Element[]): PatternRule {
    const rules: PatternRule[] = [];
    let text = '';
    const flush = (): void => {
      const { length } = Array.from(text);
      const written = this.#settings.inJson ? JSON.stringify(text).slice(1, -1) : text;
      if (text !== '') rules.push({ gbnf: literal(written), minLength: length, maxLength: length });
      text = '';
    };
    for (const element of elements) {
      if (element.type === 'Character') {
        text += String.fromCodePoint(element.value);
        continue;
      }
      flush();
      rules.push(this.#element(element));
    }
    flush();
    return this.#sequence(rules);
  }

  #element(element: AST.Element): PatternRule {
    switch (element.type) {
      case 'Character':
        return this.#elements([element]);
      case 'CharacterSet':
      case 'CharacterClass':
        return this.#one(setOf(element), element.raw);
      case 'Group':
      case 'CapturingGroup':
        if (element.type === 'Group' && element.modifiers !== null) unsupported('modifiers', element.raw);
        return this.#group(element);
      case 'Quantifier':
        return this.#quantifier(element);
      case 'Assertion':
        return unsupported(assertionNames[element.kind], element.raw);
      case 'Backreference':
        return unsupported('a back-reference', element.raw);
      case 'ExpressionCharacterClass':
      default:
        return unsupported('a set operation', element.raw);
    }
  }

  #group({ alternatives }: AST.Group | AST.CapturingGroup): PatternRule {
    if (++this.#depth > mostDepth) throw new UnsupportedPattern(`it has groups within more than ${mostDepth} others`);
    const rule = this.#alternatives(alternatives.map(({ elements }) => this.#elements(elements)));
    this.#depth--;
    return { ...rule, gbnf: rule.gbnf.startsWith('(') ? rule.gbnf : `(${rule.gbnf})` };
  }

  #quantifier({ element, min, max, raw }: AST.Quantifier): PatternRule {
    if (min > mostRepetitions || (max !== Infinity && max > mostRepetitions)) {
      throw new UnsupportedPattern(`\`${raw}\` is more than ${mostRepetitions} repetitions`);
    }
    const item = this.#element(element);
    if (max === 0 || item.maxLength === 0) return { gbnf: '""', minLength: 0, maxLength: 0 };
    return {
      gbnf: repeated(`(${item.gbnf})`, min, max),
      minLength: item.minLength * min,
      maxLength: item.maxLength * max,
    };
  }

  #one(all: CharacterSet, raw: string): PatternRule {
    const rest = this.#settings.isTagged === true ? without(all, tagStart) : all;
    const set = rest.length === 0 ? all : rest;
    const gbnf = set.length === 0 ? undefined : this.#settings.inJson ? oneOfInJson(set) : oneOf(set);
    if (gbnf === undefined) throw new UnsupportedPattern(`\`${raw}\` matches no character that can be written`);
    return { gbnf, minLength: 1, maxLength: 1 };
  }
}

const assertionNames: Readonly<Record<AST.Assertion['kind'], string>> = {
  start: 'an anchor within the pattern',
  end: 'an anchor within the pattern',
  word: 'a word boundary',
  lookahead: 'a lookahead',
  lookbehind: 'a lookbehind',
};

function unsupported(what: string, raw: string): never {
  throw new UnsupportedPattern(`it has ${what}, \`${raw}\``);
}

function setOf(element: AST.CharacterSet | AST.CharacterClass | AST.CharacterClassElement): CharacterSet {
  switch (element.type) {
    case 'Character':
      return characters([element.value, element.value]);
    case 'CharacterClassRange':
      return characters([element.min.value, element.max.value]);
    case 'CharacterClass': {
      const set = union(...element.elements.map((inner) => setOf(inner)));
      return element.negate ? allBut(set) : set;
    }
    case 'CharacterSet': {
      if (element.kind === 'any') return allBut(lineEnds);
      if (element.kind === 'property') return unsupported('a Unicode property', element.raw);
      const set = { digit: digits, space: spaces, word: words }[element.kind];
      return element.negate ? allBut(set) : set;
    }
    case 'ExpressionCharacterClass':
    case 'ClassStringDisjunction':
    default:
      return unsupported('a set operation', element.raw);
  }
}
