import { ConversionThread } from './conversion-thread.ts';

/** Runs `use` with worker threads that are stopped when it ends, or at once when `signal` is aborted. */
export async function withThreads<Result>(
  count: number,
  signal: AbortSignal,
  use: (threads: [ConversionThread, ...ConversionThread[]]) => Promise<Result>,
): Promise<Result> {
  signal.throwIfAborted();
  const more = Array.from({ length: count - 1 }, () => new ConversionThread());
  const threads: [ConversionThread, ...ConversionThread[]] = [new ConversionThread(), ...more];
  const stop = async (): Promise<void> => {
    await Promise.all(threads.map((thread) => thread.close()));
  };
  const stopNow = (): void => void stop();
  signal.addEventListener('abort', stopNow);
  try {
    return await use(threads);
  } catch (error) {
    signal.throwIfAborted(); // a stopped thread's own complaint does not matter
    throw error;
  } finally {
    signal.removeEventListener('abort', stopNow);
    await stop();
  }
}
