const MOST_NAMES = 3;

/**
 * The few names whose models are called nearly as that of `name` (they differ in less than a third of the characters,
 * by edit distance), nearest first.
 */
export function nearestNames(name: string, candidates: readonly string[]): string[] {
  const known = name.slice(0, 100);
  return candidates
    .map((candidate) => ({
      candidate,
      ofFamily: editDistance(family(known), family(candidate)),
      ofAll: editDistance(known, candidate),
    }))
    .filter(({ candidate, ofFamily }) => ofFamily * 3 < family(candidate).length)
    .sort((a, b) => a.ofFamily - b.ofFamily || a.ofAll - b.ofAll)
    .slice(0, MOST_NAMES)
    .map(({ candidate }) => candidate);
}

/** A name without the task at its end, which tells nothing of the model: `gemma3` of `Gemma3ForCausalLM`. */
function family(name: string): string {
  return name.replace(/(?:For[A-Z]\w*|ChatModel|Model)$/, '').toLowerCase();
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
