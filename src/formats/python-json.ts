/**
 * Parses JSON as Python's `json` module writes it, with `NaN` and `Infinity`, which appear in configurations of
 * transformers. `NaN`, which no setting can be, becomes a string.
 *
 * @throws SyntaxError
 */
export function parsePythonJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    // Strings are matched too, so that nothing within one is taken for a number; an unterminated one, to the end.
    const plain = text.replace(
      /"[^"\\]*(?:\\[^][^"\\]*)*(?:"|\\?$)|\bNaN\b|\bInfinity\b/g,
      (token) => standIns.get(token) ?? token,
    );
    if (plain === text) throw error;
    return JSON.parse(plain);
  }
}

/** `1e999` overflows to infinity, and with a minus before it to minus infinity. */
const standIns: ReadonlyMap<string, string> = new Map([
  ['NaN', '"NaN"'],
  ['Infinity', '1e999'],
]);
