/** The names that differ from `name` in less than a third of its characters (edit distance), nearest first. */
export function nearestNames(name: string, candidates: readonly string[]): string[] {
  const known = name.slice(0, 100);
  return candidates
    .map((candidate) => ({ candidate, distance: editDistance(known.toLowerCase(), candidate.toLowerCase()) }))
    .filter(({ candidate, distance }) => distance * 3 < candidate.length)
    .sort((a, b) => a.distance - b.distance)
    .map(({ candidate }) => candidate);
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
