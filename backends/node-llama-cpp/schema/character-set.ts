/** Code points, as ranges in order that do not touch. */
export type CharacterSet = readonly (readonly [first: number, last: number])[];

const lastCharacter = 0x10ffff;
/** Halves of surrogate pairs are no characters. */
const surrogates: CharacterSet = [[0xd800, 0xdfff]];

export function characters(...ranges: readonly (readonly [number, number])[]): CharacterSet {
  const merged: [number, number][] = [];
  for (const [first, last] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const previous = merged.at(-1);
    if (previous !== undefined && first <= previous[1] + 1) previous[1] = Math.max(previous[1], last);
    else merged.push([first, last]);
  }
  return merged;
}

export function union(...sets: readonly CharacterSet[]): CharacterSet {
  return characters(...sets.flat());
}

/** All characters but those. */
export function allBut(set: CharacterSet): CharacterSet {
  const rest: [number, number][] = [];
  let next = 0;
  for (const [first, last] of union(set, surrogates)) {
    if (first > next) rest.push([next, first - 1]);
    next = last + 1;
  }
  if (next <= lastCharacter) rest.push([next, lastCharacter]);
  return rest;
}

export function without(set: CharacterSet, other: CharacterSet): CharacterSet {
  return allBut(union(allBut(set), other));
}

export function includes(set: CharacterSet, character: number): boolean {
  return set.some(([first, last]) => first <= character && character <= last);
}
