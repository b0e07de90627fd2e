const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const SECONDS = /^-?\d+$/;
const DURATION = /^(-?)((?:\d+(?:\.\d+)?(?:ms|s|m|h))+)$/;
const PART = /(\d+(?:\.\d+)?)(ms|s|m|h)/g;
/** The longest delay of a timer. */
const MOST_MS = 2 ** 31 - 1;

/**
 * Milliseconds of a duration, as Ollama writes them: `5m`, `1h30m`, or a number of seconds. A negative one, and one that no
 * timer can wait for, is `Infinity`. Undefined for what is none.
 */
export function durationMs(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? limited(value * 1000) : undefined;
  if (typeof value !== 'string') return undefined;
  if (SECONDS.test(value)) return limited(Number(value) * 1000);
  const [, sign, parts] = DURATION.exec(value) ?? [];
  if (parts === undefined) return undefined;
  if (sign === '-') return Infinity;
  const lengths = [...parts.matchAll(PART)].map(([, count, unit = '']) => Number(count) * (UNIT_MS[unit] ?? 0));
  return limited(lengths.reduce((sum, ms) => sum + ms, 0));
}

function limited(ms: number): number {
  return ms < 0 || ms > MOST_MS ? Infinity : ms;
}
