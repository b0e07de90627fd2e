/** Sets of texts as finite automata. What needs more states than are allowed throws refa's `TooManyNodesError`. */
import { CharSet, type Concatenation, DFA, NFA, type NoParent } from 'refa';
import type { CharacterSet } from './character-set.ts';

const lastCharacter = 0x10ffff;
export const alphabet = { maxCharacter: lastCharacter };
/** Some patterns need twice as many states for each character more. */
export const mostStates = 10_000;

export function limited(): DFA.LimitedNodeFactory {
  return new DFA.LimitedNodeFactory(mostStates);
}

function limitedNfa(): NFA.LimitedNodeFactory {
  return new NFA.LimitedNodeFactory(mostStates);
}

export function deterministic(automaton: NFA): DFA {
  return DFA.fromFA(automaton, limited());
}

export function complement(automaton: DFA): DFA {
  const others = automaton.copy(limited());
  others.complement(limited());
  return others;
}

export function nfaOf(sequence: NoParent<Concatenation>): NFA {
  return NFA.fromRegex(sequence, alphabet, {}, limitedNfa());
}

export function anyText(): NFA {
  return NFA.all(alphabet);
}

export function emptyText(): NFA {
  return NFA.emptyWord(alphabet);
}

/** All texts of the characters of a set. */
export function textsOf(set: CharacterSet): NFA {
  const many = { type: 'Quantifier', min: 0, max: Infinity, lazy: false } as const;
  const one: NoParent<Concatenation> = { type: 'Concatenation', elements: [classOf(set)] };
  return nfaOf({ type: 'Concatenation', elements: [{ ...many, alternatives: [one] }] });
}

/** The texts that are one character of a set. */
export function characterOf(set: CharacterSet): NFA {
  return nfaOf({ type: 'Concatenation', elements: [classOf(set)] });
}

function classOf(set: CharacterSet) {
  const characters = CharSet.empty(lastCharacter).union(set.map(([min, max]) => ({ min, max })));
  return { type: 'CharacterClass', characters } as const;
}

export function concatenated(first: NFA, second: NFA): NFA {
  const both = first.copy(limitedNfa());
  both.append(second, limitedNfa());
  return both;
}

export function intersection(a: NFA, b: NFA): NFA {
  return NFA.fromIntersection(a, b, limitedNfa());
}

export function without(a: NFA, b: NFA): NFA {
  return NFA.fromIntersection(complement(deterministic(b)), a, limitedNfa());
}

export function unionOf(automata: readonly NFA[]): NFA {
  const all = NFA.empty(alphabet);
  for (const one of automata) all.union(one, limitedNfa());
  return all;
}
