import type { AST } from '@eslint-community/regexpp';
import { DFA } from 'refa';
import { alphabet, complement, deterministic, limited, textsOf } from './automata.ts';
import { allBut, characters, type CharacterSet } from './character-set.ts';
import { oneOf, oneOfInJson } from './gbnf.ts';
import type { LeafRules } from './leaf-rules.ts';
import { PatternReader } from './pattern-reader.ts';

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
    return new TextLanguage(deterministic(new PatternReader(pattern, flags).anywhere(isWhole)));
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
    const written = DFA.fromIntersection(this.#automaton, DFA.fromFA(textsOf(writable[place])), limited());
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
