/** The sets of characters in regular expressions of JavaScript. */
import type { AST } from '@eslint-community/regexpp';
import { allBut, characters, type CharacterSet, union } from './character-set.ts';

/** An expression that cannot be made a grammar; the message says what it is about. */
export class UnsupportedPattern extends Error {
  override readonly name = 'UnsupportedPattern';
}

const digits = characters([0x30, 0x39]);
/** As `\w` has them. */
export const words = characters([0x30, 0x39], [0x41, 0x5a], [0x5f, 0x5f], [0x61, 0x7a]);
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
const lineEnds = characters([0x0a, 0x0a], [0x0d, 0x0d], [0x2028, 0x2029]);

/** Throws `UnsupportedPattern`. */
export function unsupported(what: string, raw: string): never {
  throw new UnsupportedPattern(`it has ${what}, \`${raw}\``);
}

/** The characters that an element stands for. Throws `UnsupportedPattern`. */
export function setOf(element: AST.CharacterSet | AST.CharacterClass | AST.CharacterClassElement): CharacterSet {
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
