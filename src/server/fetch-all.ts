import { messageOf, VserveError } from '../errors/index.ts';

/**
 * Fetches something for each item, all at the same time. The first failure aborts the signal of the others. Throws what
 * `fetch` throws, and `at_capacity` where this process has too many open files.
 */
export async function fetchAll<Item, Result>(
  items: readonly Item[],
  signal: AbortSignal,
  fetch: (item: Item, signal: AbortSignal) => Promise<Result>,
): Promise<Result[]> {
  const fetches = new AbortController();
  try {
    const fetchSignal = AbortSignal.any([signal, fetches.signal]);
    return await Promise.all(items.map((item) => fetch(item, fetchSignal)));
  } catch (error) {
    throw isOutOfDescriptors(error) ? tooManyOpenFiles(error) : error;
  } finally {
    fetches.abort();
  }
}

/** Whether an error was caused by too many open files in this process. */
function isOutOfDescriptors(error: unknown): boolean {
  // A worker thread that fails to start reports it only in its message.
  if (/\bE[MN]FILE\b/.test(messageOf(error))) return true;
  return error instanceof Error && error.cause !== undefined && isOutOfDescriptors(error.cause);
}

function tooManyOpenFiles(cause: unknown): VserveError {
  return new VserveError('at_capacity', 'The server has too many open files to fetch the images. Please retry later.', {
    cause,
    detail: 'raise the limit of open files (ulimit -n)',
  });
}
