import type { AST } from '@eslint-community/regexpp';
import { CharSet, DFA, JS, NFA, type NoParent, type Concatenation } from 'refa';
import { allBut, characters, type CharacterSet } from './character-set.ts';
import { oneOf, oneOfInJson } from './gbnf.ts';
import type { LeafRules } from './leaf-rules.ts';

const lastCharacter = 0x10ffff;
const alphabet = { maxCharacter: lastCharacter };
/** Some patterns need twice as many states for each character more. */
const mostStates = 10_000;

/**
 * Where a text stands: JSON has no way to write some characters, and another way for others. Where a tag follows, the first
 * `<` is taken for its beginning.
 */
export type Place = 'json' | 'text' | 'tagged';

/** Control characters without a letter are left out of JSON, as the halves of surrogate pairs are everywhere. */
const writable: Readonly<Record<Place, CharacterSet>> = {
  json: allBut(characters([0x00, 0x07], [0x0b, 0x0b], [0x0e, 0x1f], [0x7f, 0x7f])),
  text: allBut(characters([0x00, 0x00])),
  tagged: allBut(characters([0x00, 0x00], [0x3c, 0x3c])),
};

/** An assertion where no set of texts can be told from it. */
export class UnsupportedAssertion extends Error {
  override readonly name = 'UnsupportedAssertion';
}

/**
 * A set of texts that an automaton recognizes. What needs more states than are allowed throws refa's `TooManyNodesError`.
 */
export class TextLanguage {
  readonly #automaton: DFA;

  private constructor(automaton: DFA) {
    this.#automaton = automaton;
  }

  static any(): TextLanguage {
    return new TextLanguage(DFA.all(alphabet));
  }

  static ofTexts(texts: Iterable<string>): TextLanguage {
    const words = Array.from(texts, (text) => Array.from(text, (character) => character.codePointAt(0) ?? 0));
    return new TextLanguage(DFA.fromWords(words, alphabet, limited()));
  }

  /** The texts in which a pattern is found, or that it matches from end to end. Throws `UnsupportedAssertion`. */
  static ofPattern(pattern: AST.Pattern, flags: AST.Flags, isWhole = false): TextLanguage {
    return new TextLanguage(deterministic(new PatternReader(pattern, flags).anywhere(pattern.alternatives, isWhole)));
  }

  get isEmpty(): boolean {
    return this.#automaton.isEmpty;
  }

  includes(text: string): boolean {
    return this.#automaton.test(Array.from(text, (character) => character.codePointAt(0) ?? 0));
  }

  both(other: TextLanguage): TextLanguage {
    return new TextLanguage(DFA.fromIntersection(this.#automaton, other.#automaton, limited()));
  }

  without(other: TextLanguage): TextLanguage {
    return this.both(new TextLanguage(complement(other.#automaton)));
  }

  /** The name of a rule that matches these texts as they stand in a place; undefined where none can be written there. */
  rule(leaves: LeafRules, place: Place): string | undefined {
    const written = DFA.fromIntersection(this.#automaton, DFA.fromFA(texts(writable[place])), limited());
    written.minimize();
    const finals: ReadonlySet<DFA.ReadonlyNode> = written.finals;
    const live = liveStates(written);
    if (!live.has(written.initial)) return undefined;
    const names = new Map<DFA.ReadonlyNode, string>(Array.from(live, (state) => [state, leaves.reserve()] as const));
    for (const [state, name] of names) {
      const alternatives = finals.has(state) ? ['""'] : [];
      for (const [next, set] of transitionsOf(state)) {
        const one = place === 'json' ? oneOfInJson(set) : oneOf(set);
        const rest = names.get(next);
        if (one !== undefined && rest !== undefined) alternatives.push(`${one} ${rest}`);
      }
      leaves.define(name, alternatives.join(' | '));
    }
    return names.get(written.initial);
  }
}

function limited(): DFA.LimitedNodeFactory {
  return new DFA.LimitedNodeFactory(mostStates);
}

function limitedNfa(): NFA.LimitedNodeFactory {
  return new NFA.LimitedNodeFactory(mostStates);
}

function deterministic(automaton: NFA): DFA {
  return DFA.fromFA(automaton, limited());
}

function complement(automaton: DFA): DFA {
  const others = automaton.copy(limited());
  others.complement(limited());
  return others;
}

/** All texts of a set of characters. */
function texts(set: CharacterSet): NFA {
  const characters = CharSet.empty(lastCharacter).union(set.map(([min, max]) => ({ min, max })));
  const one: NoParent<Concatenation> = {
    type: 'Concatenation',
    elements: [{ type: 'CharacterClass', characters }],
  };
  const many = { type: 'Quantifier', min: 0, max: Infinity, lazy: false } as const;
  return nfaOf({ type: 'Concatenation', elements: [{ ...many, alternatives: [one] }] });
}

function nfaOf(sequence: NoParent<Concatenation>): NFA {
  return NFA.fromRegex(sequence, alphabet, {}, limitedNfa());
}

function anyText(): NFA {
  return NFA.all(alphabet);
}

/** The states from which a text can come to its end. */
function liveStates(automaton: DFA): ReadonlySet<DFA.ReadonlyNode> {
  const before = new Map<DFA.ReadonlyNode, DFA.ReadonlyNode[]>();
  for (const state of automaton.nodes()) {
    for (const [, next] of state.out) before.set(next, [...(before.get(next) ?? []), state]);
  }
  const live = new Set<DFA.ReadonlyNode>(automaton.finals);
  for (const state of live) for (const previous of before.get(state) ?? []) live.add(previous);
  return live;
}

function transitionsOf(state: DFA.ReadonlyNode): ReadonlyMap<DFA.ReadonlyNode, CharacterSet> {
  const ranges = new Map<DFA.ReadonlyNode, [number, number][]>();
  for (const [{ min, max }, next] of state.out) {
    const known = ranges.get(next) ?? [];
    known.push([min, max]);
    ranges.set(next, known);
  }
  return new Map(Array.from(ranges, ([next, list]) => [next, characters(...list)] as const));
}

/** Reads a pattern with lookaheads as the sets of texts that they allow. */
class PatternReader {
  readonly #parser: JS.Parser;

  constructor(pattern: AST.Pattern, flags: AST.Flags) {
    this.#parser = JS.Parser.fromAst({ pattern, flags });
  }

  /** The texts in which one of the alternatives is found; `isWhole`: from end to end. */
  anywhere(alternatives: readonly AST.Alternative[], isWhole: boolean): NFA {
    return this.#union(
      alternatives.flatMap(({ elements }) => {
        const behind = isWhole ? NFA.emptyWord(alphabet) : anyText();
        const atStart = this.#before(elements, behind, true);
        const isBound = isWhole || (elements[0]?.type === 'Assertion' && elements[0].kind === 'start');
        return isBound ? [atStart] : [atStart, concatenated(anyText(), this.#before(elements, behind, false))];
      }),
    );
  }

  /** The texts that begin with what the elements match, and have one of `behind` after that. */
  #before(elements: readonly AST.Element[], behind: NFA, isAtStart: boolean): NFA {
    let found = behind;
    let run: AST.Element[] = [];
    for (const [i, element] of [...elements.entries()].toReversed()) {
      if (!hasAssertion(element)) {
        run.unshift(element);
        continue;
      }
      const isFirst = isAtStart && elements.slice(0, i).every(({ type }) => type === 'Assertion');
      found = this.#asserted(element, concatenated(this.#run(run), found), isFirst);
      run = [];
    }
    return concatenated(this.#run(run), found);
  }

  /** The texts of `behind` that may follow an element with assertions. */
  #asserted(element: AST.Element, behind: NFA, isAtStart: boolean): NFA {
    if (element.type === 'Group' || element.type === 'CapturingGroup') {
      return this.#union(element.alternatives.map(({ elements }) => this.#before(elements, behind, isAtStart)));
    }
    if (element.type !== 'Assertion') throw new UnsupportedAssertion(element.raw);
    switch (element.kind) {
      case 'start':
        return isAtStart ? behind : NFA.empty(alphabet);
      case 'end':
        return NFA.fromIntersection(NFA.emptyWord(alphabet), behind, limitedNfa());
      case 'lookahead':
        return this.#ahead(element, behind, isAtStart);
      case 'lookbehind':
      case 'word':
      default:
        throw new UnsupportedAssertion(element.raw);
    }
  }

  #ahead({ alternatives, negate }: AST.LookaheadAssertion, behind: NFA, isAtStart: boolean): NFA {
    const ahead = this.#union(alternatives.map(({ elements }) => this.#before(elements, anyText(), isAtStart)));
    return negate
      ? NFA.fromIntersection(complement(deterministic(ahead)), behind, limitedNfa())
      : NFA.fromIntersection(ahead, behind, limitedNfa());
  }

  #run(elements: readonly AST.Element[]): NFA {
    const parsed = elements.map((element) => {
      const { expression } = this.#parser.parseElement(element, { assertions: 'throw', maxNodes: mostStates });
      return { type: 'Alternation', alternatives: expression.alternatives } as const;
    });
    return nfaOf({ type: 'Concatenation', elements: parsed });
  }

  #union(automata: readonly NFA[]): NFA {
    const [first = NFA.empty(alphabet), ...others] = automata;
    for (const other of others) first.union(other, limitedNfa());
    return first;
  }
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

function concatenated(first: NFA, second: NFA): NFA {
  const both = first.copy(limitedNfa());
  both.append(second, limitedNfa());
  return both;
}
