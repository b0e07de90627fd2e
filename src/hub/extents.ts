/** The bytes from `start` up to, not including, `end`. */
export interface Extent {
  readonly start: number;
  readonly end: number;
}

/** Adds an extent to sorted, disjoint ones, merging those that touch. */
export function union(extents: readonly Extent[], added: Extent): Extent[] {
  const apart = extents.filter(({ start, end }) => end < added.start || start > added.end);
  const merged = extents
    .filter((extent) => !apart.includes(extent))
    .reduce(
      ({ start, end }, extent) => ({ start: Math.min(start, extent.start), end: Math.max(end, extent.end) }),
      added,
    );
  return [...apart, merged].sort((a, b) => a.start - b.start);
}

/** The parts of `whole` not covered by sorted, disjoint extents. */
export function gaps(extents: readonly Extent[], whole: Extent): Extent[] {
  const found: Extent[] = [];
  let position = whole.start;
  for (const { start, end } of extents) {
    if (start >= whole.end) break;
    if (start > position) found.push({ start: position, end: start });
    position = Math.max(position, end);
  }
  if (position < whole.end) found.push({ start: position, end: whole.end });
  return found;
}

/** Cuts extents into pieces of at most `maxBytes`. */
export function cut(extents: readonly Extent[], maxBytes: number): Extent[] {
  return extents.flatMap(({ start, end }) =>
    Array.from({ length: Math.ceil((end - start) / maxBytes) }, (_, index) => ({
      start: start + index * maxBytes,
      end: Math.min(start + (index + 1) * maxBytes, end),
    })),
  );
}

/** The number of bytes in disjoint extents. */
export function bytesIn(extents: readonly Extent[]): number {
  return extents.reduce((sum, { start, end }) => sum + end - start, 0);
}
