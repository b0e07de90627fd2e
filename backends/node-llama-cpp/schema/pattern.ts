/** Regular expressions of JavaScript as grammars. */
import { patternOfFormat } from './formats.ts';
import { type AST, RegExpParser } from '@eslint-community/regexpp';
import { characters, type CharacterSet, without } from './character-set.ts';
import { anyOf, literal, mostRepetitions, oneOf, oneOfInJson, repeated } from './gbnf.ts';
import type { Counts } from './counts.ts';
import type { LeafRules } from './leaf-rules.ts';
import { setOf, unsupported, UnsupportedPattern } from './pattern-characters.ts';
import { mostCounted, repetitions } from './repetitions.ts';
import { anyTaggedCharacter } from './tagged-character.ts';
import { type Place, TextLanguage } from './text-language.ts';
import { automatonUnits, type WorkBudget } from './work-budget.ts';

/** A pattern's grammar, and the numbers of characters that match. */
interface PatternRule {
  readonly gbnf: string;
  readonly minLength: number;
  /** May be infinite. */
  readonly maxLength: number;
}

const mostDepth = 50;
const mostCharacters = 20_000;

const tagStart = characters([0x3c, 0x3c]);

export interface PatternSettings {
  readonly place: Place;
  /** Whether the pattern is to match all of the text, anchors or not. */
  readonly whole: boolean;
  /** Numbers of characters that the text may have besides; any without them. */
  readonly lengths?: Counts;
  /** A format that is kept, which the text has besides. */
  readonly format?: string | undefined;
}

/**
 * The grammar of the texts in which a pattern is found, undefined where their lengths rule all of them out. Throws
 * `UnsupportedPattern`.
 */
export function patternRule(source: string, settings: PatternSettings, means: Means): string | undefined {
  means.budget.spend(10 * source.length, means.path);
  const parsed = parsePattern(source);
  const [least, most] = settings.lengths ?? anyLength;
  const within = settings.format === undefined ? undefined : languageOfFormat(settings.format);
  if (within !== undefined) {
    const taken = new UnsupportedPattern(`it takes too much beside the format ${settings.format ?? ''}`);
    return regularRule(parsed, { ...settings, within }, means, taken);
  }
  try {
    const { gbnf, minLength, maxLength } = new Converter(settings, means.leaves).pattern(parsed.pattern);
    if (minLength >= least && maxLength <= most) return gbnf;
  } catch (error) {
    if (!(error instanceof UnsupportedPattern)) throw error;
    return regularRule(parsed, settings, means, error);
  }
  const tooLong = new UnsupportedPattern('such a length beside it takes too much. Let the pattern say it, as ^.{1,9}$');
  return regularRule(parsed, settings, means, tooLong);
}

/** What a pattern at a path of the request is compiled with. */
interface Means {
  readonly leaves: LeafRules;
  readonly budget: WorkBudget;
  readonly path: string;
}

const anyLength: Counts = [0, Infinity];

/** Throws `otherwise` where that is out of reach for an automaton, too. */
function regularRule(
  { pattern, flags }: ParsedPattern,
  { place, whole, lengths = anyLength, within }: PatternSettings & { readonly within?: TextLanguage },
  { leaves, budget, path }: Means,
  otherwise: UnsupportedPattern,
): string | undefined {
  budget.spend(automatonUnits, path);
  try {
    const found = TextLanguage.ofPattern(pattern, flags, whole);
    const formatted = within === undefined ? found : found.both(within);
    const texts = lengths === anyLength ? formatted : formatted.both(languageOfLengths(lengths));
    return texts.rule(leaves, place) ?? (place === 'tagged' ? texts.rule(leaves, 'text') : undefined);
  } catch (cause) {
    throw new UnsupportedPattern(otherwise.message, { cause });
  }
}

interface ParsedPattern {
  readonly pattern: AST.Pattern;
  readonly flags: AST.Flags;
}

/** The texts in which a pattern is found. Throws `UnsupportedPattern`. */
export function languageOf(source: string): TextLanguage {
  const { pattern, flags } = parsePattern(source);
  try {
    return TextLanguage.ofPattern(pattern, flags);
  } catch (cause) {
    throw new UnsupportedPattern(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

const formats = new Map<string, TextLanguage>();

/** The texts of a format that is kept; undefined of others. */
function languageOfFormat(format: string): TextLanguage | undefined {
  const known = formats.get(format);
  if (known !== undefined) return known;
  const pattern = patternOfFormat(format);
  if (pattern === undefined) return undefined;
  const language = languageOf(pattern);
  formats.set(format, language);
  return language;
}

export function languageOfLengths([min, max]: Counts): TextLanguage {
  return min === 0 && max === Infinity
    ? TextLanguage.any()
    : languageOf(`^[^]{${min},${max === Infinity ? '' : max}}$`);
}

function parsePattern(source: string): ParsedPattern {
  if (source.length > mostCharacters) throw new UnsupportedPattern(`it has more than ${mostCharacters} characters`);
  return { pattern: parse(source), flags: new RegExpParser({ ecmaVersion: 2025 }).parseFlags('u') };
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
  readonly #leaves: LeafRules;
  #depth = 0;

  constructor(settings: PatternSettings, leaves: LeafRules) {
    this.#settings = settings;
    this.#leaves = leaves;
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
          gbnf: repeated(this.#anyCharacter, 0, Infinity),
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

  get #anyCharacter(): string {
    switch (this.#settings.place) {
      case 'json':
        return this.#leaves.anyCharacter;
      case 'tagged':
        return anyTaggedCharacter;
      case 'text':
      default:
        return '[^\\x00]';
    }
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
      const written = this.#settings.place === 'json' ? JSON.stringify(text).slice(1, -1) : text;
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
    if (min > mostCounted || (max !== Infinity && max > mostCounted)) {
      throw new UnsupportedPattern(`\`${raw}\` is more than ${mostCounted} repetitions`);
    }
    const item = this.#element(element);
    if (max === 0 || item.maxLength === 0) return { gbnf: '""', minLength: 0, maxLength: 0 };
    const isMany = min > mostRepetitions || (max !== Infinity && max > mostRepetitions);
    return {
      gbnf: isMany
        ? `(${repetitions(this.#leaves.rule(item.gbnf), min, max, this.#leaves)})`
        : repeated(`(${item.gbnf})`, min, max),
      minLength: item.minLength * min,
      maxLength: item.maxLength * max,
    };
  }

  #one(all: CharacterSet, raw: string): PatternRule {
    const { place } = this.#settings;
    const rest = place === 'tagged' ? without(all, tagStart) : all;
    const set = rest.length === 0 ? all : rest;
    const gbnf = set.length === 0 ? undefined : place === 'json' ? oneOfInJson(set) : oneOf(set);
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
