/** The names that were asked for, or the usual ones where none were. Throws for one that is not known. */
export function chosenNames(
  asked: readonly string[],
  known: readonly string[],
  usual: readonly string[] = known,
): readonly string[] {
  const unknown = asked.filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    throw new Error(`There is no checkpoint ${unknown.join(', ')}. There are: ${known.join(', ')}.`);
  }
  return asked.length > 0 ? asked : usual;
}
