/**
 * Takes from an iterator before it is asked to, up to `maxSize` in all of what `sizeOf` says: whoever makes the values is
 * done when they are made, not when the last of them is used. Leaving it ends the iterator.
 */
export async function* readAhead<T>(
  source: AsyncIterable<T>,
  { maxSize, sizeOf }: { readonly maxSize: number; readonly sizeOf: (value: T) => number },
): AsyncGenerator<T, void, undefined> {
  const values: T[] = [];
  let size = 0;
  let end: { readonly error?: unknown } | undefined;
  let isLeft = false;
  let onChange: (() => void) | undefined;
  const changed = (): Promise<void> =>
    new Promise((resolve) => {
      onChange = resolve;
    });

  // One of the two waits at a time: the reader for a value, or the writer for room.
  const write = async (): Promise<void> => {
    for await (const value of source) {
      values.push(value);
      size += sizeOf(value);
      onChange?.();
      while (size > maxSize && !isLeft) await changed();
      if (isLeft) return;
    }
  };
  const written = write().then(
    () => (end = {}),
    (error: unknown) => (end = { error }),
  );
  void written.then(() => onChange?.());
  try {
    for (;;) {
      const value = values.shift();
      if (value !== undefined) {
        size -= sizeOf(value);
        if (size <= maxSize) onChange?.();
        yield value;
      } else if (end !== undefined) {
        if ('error' in end) throw end.error;
        return;
      } else {
        await changed();
      }
    }
  } finally {
    isLeft = true;
    onChange?.();
    await written;
  }
}
