/** Makes text safe for a terminal or a log: no control characters but line feeds, no secrets. */
export function printable(text: string): string {
  return text
    .replaceAll(/\bhf_[A-Za-z0-9]{8,}/g, 'hf_***')
    .replaceAll(/\b(bearer\s+)[^\s"',]+/gi, '$1***')
    .replaceAll(/(:\/\/)[^\s/@]+@/g, '$1***@')
    .replaceAll(/[^\P{Cc}\n]/gu, escaped);
}

/** Bytes for people: `4.1 MB`. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = bytes < 1000 ? 0 : Math.min(Math.floor(Math.log10(bytes) / 3), units.length - 1);
  const value = bytes / 1000 ** power;
  return `${power === 0 ? value : value.toFixed(1)} ${units[power]}`;
}

/** A duration for people: `1.2 s`, `3 min 12 s`. */
export function formatDuration(milliseconds: number): string {
  const seconds = milliseconds / 1000;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`;
}

function escaped(character: string): string {
  const named: Readonly<Record<string, string>> = { '\r': '\\r', '\t': '\\t' };
  return named[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
