import type { AST } from '@eslint-community/regexpp';
import { JS, type NFA } from 'refa';
import {
  anyText,
  characterOf,
  concatenated,
  emptyText,
  intersection,
  mostStates,
  nfaOf,
  unionOf,
  without as minus,
} from './automata.ts';
import { allBut, type CharacterSet, union, without } from './character-set.ts';
import { setOf, words } from './pattern-characters.ts';

/** An assertion where no set of texts can be told from it. */
export class UnsupportedAssertion extends Error {
  override readonly name = 'UnsupportedAssertion';
}

/** What has to stand before a place: one of some characters, or nothing, where that is enough. */
interface Before {
  readonly characters: CharacterSet;
  readonly orNothing: boolean;
}

/** Texts that may follow a place where something certain stands before it. */
interface Rest {
  /** Undefined for anything, and for nothing. */
  readonly before: Before | undefined;
  readonly texts: NFA;
}

/** Reads a pattern with assertions as the sets of texts that they allow, from its end to its beginning. */
export class PatternReader {
  readonly #parser: JS.Parser;
  readonly #alternatives: readonly AST.Alternative[];

  constructor(pattern: AST.Pattern, flags: AST.Flags) {
    this.#parser = JS.Parser.fromAst({ pattern, flags });
    this.#alternatives = pattern.alternatives;
  }

  /** The texts in which the pattern is found; `isWhole`: that it matches from end to end. Throws `UnsupportedAssertion`. */
  anywhere(isWhole: boolean): NFA {
    const behind: readonly Rest[] = [{ before: undefined, texts: isWhole ? emptyText() : anyText() }];
    return unionOf(
      this.#alternatives.flatMap(({ elements }) => {
        const atStart = this.#before(elements, behind, true).filter(mayBegin);
        const isBound = isWhole || (elements[0]?.type === 'Assertion' && elements[0].kind === 'start');
        const later = isBound ? [] : prepended(anyText(), this.#before(elements, behind, false));
        return [...atStart, ...later.filter(({ before }) => before === undefined)].map(({ texts }) => texts);
      }),
    );
  }

  /** The texts that begin with what the elements match, and have one of `behind` after that. */
  #before(elements: readonly AST.Element[], behind: readonly Rest[], isAtStart: boolean): readonly Rest[] {
    let found = behind;
    let run: AST.Element[] = [];
    for (const [i, element] of [...elements.entries()].toReversed()) {
      if (!hasAssertion(element)) {
        run.unshift(element);
        continue;
      }
      const isFirst = isAtStart && elements.slice(0, i).every(({ type }) => type === 'Assertion');
      found = this.#asserted(element, this.#run(run, found), isFirst);
      run = [];
    }
    return this.#run(run, found);
  }

  /** The texts of `behind` that may follow an element with assertions. */
  #asserted(element: AST.Element, behind: readonly Rest[], isAtStart: boolean): readonly Rest[] {
    if (element.type === 'Group' || element.type === 'CapturingGroup') {
      return element.alternatives.flatMap(({ elements }) => this.#before(elements, behind, isAtStart));
    }
    if (element.type !== 'Assertion') throw new UnsupportedAssertion(element.raw);
    switch (element.kind) {
      case 'start':
        return isAtStart ? behind.filter(mayBegin).map(({ texts }) => ({ before: undefined, texts })) : [];
      case 'end':
        return bothRests([{ before: undefined, texts: emptyText() }], behind);
      case 'lookahead':
        return this.#ahead(element, behind, isAtStart);
      case 'lookbehind':
        return bothRests([{ before: beforeOf(element), texts: anyText() }], behind);
      case 'word':
      default:
        return bothRests(element.negate ? withinWords : edges, behind);
    }
  }

  #ahead({ alternatives, negate, raw }: AST.LookaheadAssertion, behind: readonly Rest[], isAtStart: boolean) {
    const anything = [{ before: undefined, texts: anyText() }];
    const ahead = alternatives.flatMap(({ elements }) => this.#before(elements, anything, isAtStart));
    if (!negate) return bothRests(ahead, behind);
    if (ahead.some(({ before }) => before !== undefined)) throw new UnsupportedAssertion(raw);
    const ruledOut = unionOf(ahead.map(({ texts }) => texts));
    return behind.map(({ before, texts }) => ({ before, texts: minus(texts, ruledOut) }));
  }

  #run(elements: readonly AST.Element[], behind: readonly Rest[]): readonly Rest[] {
    if (elements.length === 0) return behind;
    const parsed = elements.map((element) => {
      const { expression } = this.#parser.parseElement(element, { assertions: 'throw', maxNodes: mostStates });
      return { type: 'Alternation', alternatives: expression.alternatives } as const;
    });
    return prepended(nfaOf({ type: 'Concatenation', elements: parsed }), behind);
  }
}

function mayBegin({ before }: Rest): boolean {
  return before === undefined || before.orNothing;
}

/** What may follow the beginning of some texts. Where one of them is empty, what has to stand before it still has to. */
function prepended(first: NFA, behind: readonly Rest[]): readonly Rest[] {
  const followed = behind.map(({ before, texts }) =>
    concatenated(before === undefined ? first : intersection(endingWith(before.characters), first), texts),
  );
  const open = first.test([]) ? behind.filter(({ before }) => before !== undefined) : [];
  return [{ before: undefined, texts: unionOf(followed) }, ...open];
}

function endingWith(set: CharacterSet): NFA {
  return concatenated(anyText(), characterOf(set));
}

function bothRests(some: readonly Rest[], others: readonly Rest[]): readonly Rest[] {
  return some.flatMap((a) =>
    others.map((b) => ({ before: bothBefore(a.before, b.before), texts: intersection(a.texts, b.texts) })),
  );
}

function bothBefore(a: Before | undefined, b: Before | undefined): Before | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  const characters = without(a.characters, allBut(b.characters));
  return { characters, orNothing: a.orNothing && b.orNothing };
}

const inWord: Before = { characters: words, orNothing: false };
const outOfWord: Before = { characters: allBut(words), orNothing: true };

const wordAhead = concatenated(characterOf(words), anyText());
const noWordAhead = unionOf([emptyText(), concatenated(characterOf(allBut(words)), anyText())]);

const edges: readonly Rest[] = [
  { before: inWord, texts: noWordAhead },
  { before: outOfWord, texts: wordAhead },
];
const withinWords: readonly Rest[] = [
  { before: inWord, texts: wordAhead },
  { before: outOfWord, texts: noWordAhead },
];

/** A lookbehind of one character, or of the start of the text. */
function beforeOf({ alternatives, negate, raw }: AST.LookbehindAssertion): Before {
  let characters: CharacterSet = [];
  let orNothing = false;
  for (const { elements } of alternatives) {
    const [element, more] = elements;
    if (element === undefined || more !== undefined) throw new UnsupportedAssertion(raw);
    if (element.type === 'Assertion' && element.kind === 'start') orNothing = true;
    else if (element.type === 'Character' || element.type === 'CharacterSet' || element.type === 'CharacterClass')
      characters = union(characters, setOf(element));
    else throw new UnsupportedAssertion(raw);
  }
  return negate ? { characters: allBut(characters), orNothing: !orNothing } : { characters, orNothing };
}

/** Whether there is an assertion in an element, at any depth. */
function hasAssertion(element: AST.Element): boolean {
  switch (element.type) {
    case 'Assertion':
      return true;
    case 'Quantifier':
      return hasAssertion(element.element);
    case 'Group':
    case 'CapturingGroup':
      return element.alternatives.some(({ elements }) => elements.some((inner) => hasAssertion(inner)));
    case 'Character':
    case 'CharacterSet':
    case 'CharacterClass':
    case 'ExpressionCharacterClass':
    case 'Backreference':
    default:
      return false;
  }
}
