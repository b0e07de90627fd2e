export { formatBytes } from '../formats/format-bytes.ts';

/** Makes text safe for a terminal or a log: no control characters except line feeds, no secrets. */
export function printable(text: string): string {
  return text
    .replaceAll(/\bhf_[A-Za-z0-9]{8,}/g, 'hf_***')
    .replaceAll(/\b(bearer\s+)[^\s"',]+/gi, '$1***')
    .replaceAll(/(:\/\/)[^\s/@]+@/g, '$1***@')
    .replaceAll(/[^\P{Cc}\n]/gu, escaped);
}

/** Breaks lines at spaces, so that none has more than `columns` characters; a longer word stays whole. */
export function wrapped(text: string, columns: number): string {
  return text
    .split('\n')
    .flatMap((line) => wrapLine(line, columns))
    .join('\n');
}

function wrapLine(line: string, columns: number): string[] {
  const lines: string[] = [];
  let rest = line;
  while (rest.length > columns) {
    const fitting = rest.lastIndexOf(' ', columns);
    const at = fitting > 0 ? fitting : rest.indexOf(' ', columns);
    if (at <= 0) break;
    lines.push(rest.slice(0, at));
    rest = rest.slice(at + 1);
  }
  return [...lines, rest];
}

/** Text of a model for a terminal: with its layout, but without characters that could control the terminal. */
export function withoutControls(text: string): string {
  return text.replaceAll(/[^\P{Cc}\n\t]/gu, (character) => (character === '\r' ? '' : escaped(character)));
}

/** A human-readable count: `4.3 billion`. */
export function formatCount(count: number): string {
  return new Intl.NumberFormat('en', {
    notation: 'compact',
    compactDisplay: 'long',
    maximumSignificantDigits: 3,
  }).format(count);
}

/** A human-readable duration: `1.2 s`, `3 min 12 s`. */
export function formatDuration(milliseconds: number): string {
  const seconds = milliseconds / 1000;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`;
}

function escaped(character: string): string {
  const named: Readonly<Record<string, string>> = { '\r': '\\r', '\t': '\\t' };
  return named[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
