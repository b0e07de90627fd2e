const MOST_NAMES = 3;

/**
 * The few names whose models are called nearly as that of `name`, nearest first: without the task at the end they begin
 * alike, or differ in less than a third of the characters, by edit distance.
 */
export function nearestNames(name: string, candidates: readonly string[]): string[] {
  const known = name.slice(0, 100);
  return candidates
    .map((candidate) => ({
      candidate,
      ...compare(family(known), family(candidate)),
      ofAll: editDistance(known, candidate),
    }))
    .filter(({ isNear }) => isNear)
    .sort((a, b) => a.distance - b.distance || a.ofAll - b.ofAll)
    .slice(0, MOST_NAMES)
    .map(({ candidate }) => candidate);
}

/** A name without the task in it, which says nothing about the model: `gemma3` of `Gemma3ForCausalLM`. */
function family(name: string): string {
  return name
    .replace(/(?:For[A-Z]|ChatModel|LMHead|(?<=.)Model(?![a-z])).*$/, '')
    .replaceAll(/[^A-Za-z0-9]/g, '')
    .toLowerCase();
}

/** The fewest letters that make a name of their own: `kimi` and `qwen` do, the beginning of `llama` and `llava` does not. */
const SHORTEST = 4;

/**
 * Whether two families are near each other, and how far apart they are. What tells the maker stands at the beginning of a
 * name, versions and kinds behind it: so it counts how much of the shorter name both begin with.
 */
function compare(one: string, other: string): { isNear: boolean; distance: number } {
  const [shorter, longer] = [Math.min(one.length, other.length), Math.max(one.length, other.length)];
  if (shorter === 0) return { isNear: false, distance: 1 };
  const edits = editDistance(one, other) / longer;
  let same = 0;
  while (same < shorter && one[same] === other[same]) same++;
  const letters = /^[a-z]*/.exec(one.slice(0, same))?.[0].length ?? 0;
  // Letters that a number follows in both are a whole name, however short: `glm4`.
  const isName = letters >= SHORTEST || same > letters;
  const beginsAlike = isName && (1 - same / shorter) * 2 + edits < 4 / 3;
  return { isNear: edits < 1 / 3 || beginsAlike, distance: 1 - (2 * same) / (shorter + longer) + edits };
}

/** Levenshtein's distance: the least number of characters to insert, delete or replace. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (const [row, character] of Array.from(a).entries()) {
    const current = [row + 1];
    for (let column = 0; column < b.length; column++) {
      const replaced = (previous[column] ?? 0) + (b[column] === character ? 0 : 1);
      current.push(Math.min(replaced, (previous[column + 1] ?? 0) + 1, (current[column] ?? 0) + 1));
    }
    previous = current;
  }
  return previous.at(-1) ?? 0;
}
