const UNITS: readonly (readonly [size: number, letter: string])[] = [
  [1e12, 'T'],
  [1e9, 'B'],
  [1e6, 'M'],
  [1e3, 'K'],
];

/** A number of parameters as Ollama writes it: `4.3B`, `268.1M`; empty where it is not known. */
export function parameterSize(count: number | undefined): string {
  if (count === undefined) return '';
  const [size, letter] = UNITS.find(([unit]) => count >= unit) ?? [1, ''];
  return `${String(Math.round((count / size) * 10) / 10)}${letter}`;
}
