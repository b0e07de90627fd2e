import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { BodyClock } from '../../src/server/body-clock.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
afterEach(() => void vi.useRealTimers());

/** A clock, and what it has failed with. */
function start(timeoutMs: number, isWanted = () => false) {
  const clock = new BodyClock(timeoutMs, isWanted);
  const failures: unknown[] = [];
  clock.expired.catch((error: unknown) => failures.push(error));
  return { clock, failures };
}

const timeout = (reason: string): unknown =>
  expect.objectContaining({ code: 'request_timeout', message: expect.stringContaining(reason) as string });

describe("a body's clock", () => {
  it('expires when nothing comes', async () => {
    const { failures } = start(300_000);
    await vi.advanceTimersByTimeAsync(29_999);
    expect(failures).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(failures).toEqual([timeout('nothing was received for 30 s')]);
  });

  it('expires sooner while others wait for the memory', async () => {
    let isWanted = false;
    const { clock, failures } = start(300_000, () => isWanted);
    await vi.advanceTimersByTimeAsync(20_000);
    clock.run();
    isWanted = true;
    await vi.advanceTimersByTimeAsync(4999);
    expect(failures).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(failures).toEqual([timeout('nothing was received for 5 s while other requests waited')]);
  });

  it('expires when too little comes', async () => {
    const { clock, failures } = start(300_000);
    for (let seconds = 0; seconds < 299; seconds += 1) {
      await vi.advanceTimersByTimeAsync(1000);
      clock.run();
    }
    expect(failures).toEqual([]);
    await vi.advanceTimersByTimeAsync(1000);
    expect(failures).toEqual([timeout('took longer than 300 s')]);
  });

  it('stands still while the server makes the client wait', async () => {
    const { clock, failures } = start(10_000);
    for (let i = 0; i < 9; i += 1) {
      await vi.advanceTimersByTimeAsync(1000);
      clock.stop();
      await vi.advanceTimersByTimeAsync(1_000_000);
      clock.run();
    }
    expect(failures).toEqual([]);
    await vi.advanceTimersByTimeAsync(1000);
    expect(failures).toHaveLength(1);
  });
});
