/** Patterns that stand for several, as sets of texts. */

/** Found in the texts in which both are found. */
export function bothPatterns(a: string, b: string): string {
  return `^(?=${anywhere(a)})(?=${anywhere(b)})`;
}

/** Found in the texts in which the pattern is not found. */
export function absent(pattern: string): string {
  return `^(?!${anywhere(pattern)})`;
}

/** A text as a pattern of it. */
export function escapedPattern(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`);
}

/** An anchor at the start of the text is none behind other characters. */
function anywhere(pattern: string): string {
  return `(?:${pattern})|[^]*(?:${pattern})`;
}
