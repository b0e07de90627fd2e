import { expect, onTestFinished, test, vi } from 'vitest';
import { retryAfterMs, TransientFailure, withRetries } from '../../src/hub/retry.ts';
import { tuning } from './download.ts';

const signal = new AbortController().signal;

test('Retry-After: seconds, a date, or nothing', () => {
  const now = Date.parse('2025-01-01T00:00:00Z');
  expect(retryAfterMs('120', now)).toBe(120_000);
  expect(retryAfterMs('Wed, 01 Jan 2025 00:00:30 GMT', now)).toBe(30_000);
  expect(retryAfterMs('Wed, 01 Jan 2020 00:00:30 GMT', now)).toBe(0);
  expect(retryAfterMs('soon', now)).toBe(0);
  expect(retryAfterMs(undefined, now)).toBe(0);
});

test('attempts that get something done cost no retry', async () => {
  let attempts = 0;
  const attempt = async (): Promise<number> => {
    if (++attempts < 20) throw new TransientFailure('cut');
    return attempts;
  };
  const options = { tuning, signal, onRetry: () => undefined };
  expect(await withRetries(attempt, { ...options, hasProgressed: () => true })).toBe(20);
  attempts = 0;
  await expect(withRetries(attempt, options)).rejects.toMatchObject({ code: 'hub_unreachable' });
  expect(attempts).toBe(tuning.retries + 1);
});

test('pauses double, and have a random share, so that many clients do not come back together', async () => {
  onTestFinished(() => void vi.restoreAllMocks());
  const pauses: (number | undefined)[] = [];
  const { setTimeout } = globalThis;
  vi.spyOn(globalThis, 'setTimeout').mockImplementation((callback: () => void, milliseconds?: number) => {
    pauses.push(milliseconds);
    return setTimeout(callback, 0);
  });
  const options = { tuning: { ...tuning, backoffMs: 1000, retries: 3 }, signal, onRetry: () => undefined };
  for (const random of [0, 0.5]) {
    vi.spyOn(Math, 'random').mockReturnValue(random);
    await expect(withRetries(() => Promise.reject(new TransientFailure('busy')), options)).rejects.toThrow('busy');
  }
  expect(pauses).toEqual([1000, 2000, 4000, 1500, 3000, 6000]);
});

test('a server that says when to come back is not asked before', async () => {
  const start = performance.now();
  let attempts = 0;
  const attempt = async (): Promise<number> => {
    if (++attempts === 1) throw new TransientFailure('busy', { retryAfterMs: 200 });
    return performance.now() - start;
  };
  // Timers may come a millisecond early.
  expect(await withRetries(attempt, { tuning, signal, onRetry: () => undefined })).toBeGreaterThanOrEqual(199);
});

test('an abort ends a pause', async () => {
  const stop = new AbortController();
  const busy = new TransientFailure('busy', { retryAfterMs: 60_000 });
  const attempt = () => Promise.reject(busy);
  const onRetry = () => stop.abort(new Error('stopped'));
  await expect(withRetries(attempt, { tuning, signal: stop.signal, onRetry })).rejects.toThrow('stopped');
});
