import { parseJson } from '../requests/json.ts';

/** So that a long answer full of open brackets is not searched for minutes. */
const MAX_TRIES = 500;
const CLOSING: Readonly<Record<string, string>> = { '{': '}', '[': ']' };

/** The objects and arrays of JSON within a text, in order. Those inside one another come once, as the outer one. */
export function jsonValuesIn(text: string): readonly unknown[] {
  const values: unknown[] = [];
  const opening = /[[{]/g;
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const start = opening.exec(text)?.index;
    if (start === undefined) break;
    const end = endOfValue(text, start);
    const value = end === undefined ? undefined : parseJson(text.slice(start, end));
    if (value === undefined || end === undefined) continue;
    values.push(value);
    opening.lastIndex = end;
  }
  return values;
}

/** Where the bracket that opens at `start` is closed; undefined if it is not, or another is. */
function endOfValue(text: string, start: number): number | undefined {
  const open: string[] = [];
  const token = /"(?:[^"\\]|\\.)*"|[[\]{}]/gs;
  token.lastIndex = start;
  for (let found = token.exec(text); found !== null; found = token.exec(text)) {
    const [character] = found;
    const closing = CLOSING[character];
    if (closing !== undefined) open.push(closing);
    else if (!character.startsWith('"') && open.pop() !== character) return undefined;
    if (open.length === 0) return token.lastIndex;
  }
  return undefined;
}
