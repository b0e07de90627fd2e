/**
 * Parses JSON as Python's `json` module writes it, which knows `NaN` and `Infinity`: configurations of transformers hold
 * such numbers. Of `NaN`, which no setting can be, its name is made.
 *
 * @throws SyntaxError
 */
export function parsePythonJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    // Strings are matched too, so that nothing within one is taken for a number; one without an end, to the end.
    const plain = text.replace(
      /"[^"\\]*(?:\\[^][^"\\]*)*(?:"|\\?$)|\bNaN\b|\bInfinity\b/g,
      (token) => standIns.get(token) ?? token,
    );
    if (plain === text) throw error;
    return JSON.parse(plain);
  }
}

/** `1e999` is more than a number can be: it is read as infinity, and with a minus before it as that. */
const standIns: ReadonlyMap<string, string> = new Map([
  ['NaN', '"NaN"'],
  ['Infinity', '1e999'],
]);
