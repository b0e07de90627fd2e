const UNITS = [
  [1024 ** 3, 'GiB'],
  [1024 ** 2, 'MiB'],
  [1024, 'KiB'],
] as const;

/** A human-readable number of bytes, exact, as limits are. */
export function exactSize(bytes: number): string {
  const [unitBytes, unit] = UNITS.find(([size]) => bytes > 0 && bytes % size === 0) ?? [1, 'bytes'];
  return `${bytes / unitBytes} ${unit}`;
}
