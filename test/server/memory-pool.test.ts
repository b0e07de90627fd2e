import { setMaxListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { BodyMemory } from '../../src/server/body-memory.ts';
import { MemoryPool } from '../../src/server/memory-pool.ts';

const { signal } = new AbortController();
setMaxListeners(0, signal);

/** Whether a promise has settled, after all that follows from what has happened so far. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  void promise.then(
    () => (settled = true),
    () => (settled = true),
  );
  await new Promise((resolve) => setImmediate(resolve));
  return settled;
}

describe('a memory pool', () => {
  it('gives what there is, lets the rest wait, and gives on what comes back', async () => {
    const pool = new MemoryPool(100);
    const first = pool.open(60);
    const second = pool.open(60);
    await first.grow(60, signal);
    const waiting = second.grow(60, signal);
    expect(await isSettled(waiting)).toBe(false);
    expect(pool.usedBytes).toBe(60);
    first.release();
    first.release();
    await waiting;
    expect(pool.usedBytes).toBe(60);
    second.release();
    expect(pool.usedBytes).toBe(0);
  });

  it('keeps enough for whoever came first to get all that it may ask for', async () => {
    const pool = new MemoryPool(100);
    const first = pool.open(90);
    const second = pool.open(90);
    await first.grow(1, signal);
    await second.grow(10, signal);
    const tooMuch = second.grow(12, signal);
    expect(await isSettled(tooMuch)).toBe(false);
    await first.grow(90, signal);
    expect(await isSettled(tooMuch)).toBe(false);
    first.release();
    await tooMuch;
  });

  it('lets many begin where each promises to take no more than there is: nothing is reserved for each', async () => {
    const pool = new MemoryPool(100);
    const idle = Array.from({ length: 1000 }, () => pool.open(50));
    const late = pool.open(50);
    await late.grow(50, signal);
    for (const share of idle) share.release();
  });

  it('forgets who gives up', async () => {
    const pool = new MemoryPool(100);
    const first = pool.open(100);
    await first.grow(100, signal);
    const leaving = new AbortController();
    const second = pool.open(100);
    const waiting = second.grow(100, leaving.signal);
    leaving.abort(new Error('gone'));
    await expect(waiting).rejects.toThrow('gone');
    second.release();
    const third = pool.open(100);
    const next = third.grow(100, signal);
    first.release();
    await next;
    expect(pool.usedBytes).toBe(100);
  });

  it('never holds more than it has, and never lets all wait, whatever comes in whatever order', async () => {
    let seed = 1;
    const random = (below: number): number => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed % below;
    };
    const pool = new MemoryPool(1000);
    let done = 0;
    const body = async (): Promise<void> => {
      const maxBytes = 1 + random(1000);
      const share = pool.open(maxBytes);
      for (let bytes = 0; bytes < maxBytes;) {
        bytes = Math.min(maxBytes, bytes + 1 + random(200));
        await share.grow(bytes, signal);
        expect(pool.usedBytes).toBeLessThanOrEqual(1000);
        for (let turns = random(4); turns > 0; turns -= 1) await new Promise((resolve) => setImmediate(resolve));
      }
      share.release();
      done += 1;
    };
    await Promise.all(Array.from({ length: 300 }, body));
    expect(done).toBe(300);
    expect(pool.usedBytes).toBe(0);
  });
});

const MIB = 1024 * 1024;

describe('the memory of bodies', () => {
  it('has room for small ones while large ones hold all of theirs', async () => {
    const memory = new BodyMemory(80 * MIB);
    const large = memory.open(70 * MIB, 70 * MIB);
    await large.grow(70 * MIB, signal);
    const another = memory.open(2 * MIB, 70 * MIB);
    expect(await isSettled(another.grow(2 * MIB, signal))).toBe(false);
    const small = memory.open(1000, 70 * MIB);
    await small.grow(1000, signal);
    const unknown = memory.open(undefined, 70 * MIB);
    await unknown.grow(1000, signal);
  });

  it('counts a body without a length among the small ones until it is large', async () => {
    const memory = new BodyMemory(80 * MIB);
    const share = memory.open(undefined, 70 * MIB);
    for (let bytes = 0; bytes < 70 * MIB; bytes += 60_000) await share.grow(bytes, signal);
    expect(memory.usedBytes).toBe(70 * MIB);
    const other = memory.open(undefined, 70 * MIB);
    await other.grow(MIB, signal);
    const waiting = other.grow(MIB + 1, signal);
    expect(await isSettled(waiting)).toBe(false);
    share.release();
    await waiting;
    other.release();
    expect(memory.usedBytes).toBe(0);
  });
});
