/** How llama.cpp's grammars are written. */
import { type CharacterSet, characters, includes, without } from './character-set.ts';

/** Repetitions beyond this llama.cpp does not take. */
export const mostRepetitions = 2000;

/** A text as a terminal. */
export function literal(text: string): string {
  return `"${Array.from(text, (character) => escaped(character.codePointAt(0) ?? 0)).join('')}"`;
}

function escaped(character: number): string {
  if (character === 0x22 || character === 0x5b || character === 0x5c || character === 0x5d || character === 0x2d) {
    return `\\${String.fromCodePoint(character)}`;
  }
  if (character < 0x20 || character >= 0x7f || character === 0x5e) {
    return `\\U${character.toString(16).padStart(8, '0')}`;
  }
  return String.fromCodePoint(character);
}

/** One character of a set, which must not be empty. */
export function oneOf(set: CharacterSet): string {
  const ranges = set.map(([first, last]) => (first === last ? escaped(first) : `${escaped(first)}-${escaped(last)}`));
  return `[${ranges.join('')}]`;
}

/** Something so often; `max` is infinite for no limit. */
export function repeated(item: string, min: number, max: number): string {
  if (min === 1 && max === 1) return item;
  if (max === Infinity) return min === 0 ? `${item}*` : min === 1 ? `${item}+` : `${item}{${min},}`;
  if (min === 0 && max === 1) return `${item}?`;
  return min === max ? `${item}{${min}}` : `${item}{${min},${max}}`;
}

export function anyOf(alternatives: readonly string[]): string {
  return alternatives.length === 1 ? (alternatives[0] ?? '""') : `(${alternatives.join(' | ')})`;
}

/** The characters that JSON writes with a backslash and a letter. */
const escapes: ReadonlyMap<number, string> = new Map([
  [0x22, '\\"'],
  [0x5c, '\\\\'],
  [0x08, '\\b'],
  [0x0c, '\\f'],
  [0x0a, '\\n'],
  [0x0d, '\\r'],
  [0x09, '\\t'],
]);

const notPlain = characters([0x00, 0x1f], [0x22, 0x22], [0x5c, 0x5c], [0x7f, 0x7f]);

/** A character of a set as it stands in a JSON string; undefined for a set of control characters that have no letter. */
export function oneOfInJson(set: CharacterSet): string | undefined {
  const plain = without(set, notPlain);
  const alternatives = plain.length > 0 ? [oneOf(plain)] : [];
  for (const [character, written] of escapes) {
    if (includes(set, character)) alternatives.push(literal(written));
  }
  return alternatives.length > 0 ? anyOf(alternatives) : undefined;
}
