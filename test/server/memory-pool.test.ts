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
    const first = pool.open('a', 60);
    const second = pool.open('a', 60);
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
    const first = pool.open('a', 90);
    const second = pool.open('a', 90);
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
    const idle = Array.from({ length: 1000 }, () => pool.open('a', 50));
    const late = pool.open('a', 50);
    await late.grow(50, signal);
    for (const share of idle) share.release();
  });

  it('forgets who gives up', async () => {
    const pool = new MemoryPool(100);
    const first = pool.open('a', 100);
    await first.grow(100, signal);
    const leaving = new AbortController();
    const second = pool.open('a', 100);
    const waiting = second.grow(100, leaving.signal);
    leaving.abort(new Error('gone'));
    await expect(waiting).rejects.toThrow('gone');
    second.release();
    const third = pool.open('a', 100);
    const next = third.grow(100, signal);
    first.release();
    await next;
    expect(pool.usedBytes).toBe(100);
  });

  it('has room for another client, however much one asks for', async () => {
    const pool = new MemoryPool(100);
    const shares = Array.from({ length: 20 }, () => pool.open('a', 10));
    const grown = shares.map((share) => share.grow(9, signal));
    expect(pool.usedBytes).toBe(45);
    expect(shares[0]?.isWanted).toBe(false);
    await pool.open('b', 30).grow(30, signal);
    await pool.open('c', 10).grow(10, signal);
    shares[0]?.release();
    expect(pool.usedBytes).toBe(36 + 40);
    for (const share of shares) share.release();
    await Promise.all(grown.slice(0, 5));
    expect(pool.usedBytes).toBe(40);
  });

  it('gives clients turns', async () => {
    const pool = new MemoryPool(100);
    const [first, second, third] = [pool.open('a', 80), pool.open('a', 80), pool.open('a', 80)];
    await first.grow(80, signal);
    const waiting = [second.grow(80, signal), third.grow(80, signal)];
    const other = pool.open('b', 80);
    const others = other.grow(80, signal);
    first.release();
    await waiting[0];
    second.release();
    await others;
    expect(await isSettled(Promise.race(waiting.slice(1)))).toBe(false);
    other.release();
    await waiting[1];
  });

  it('keeps nothing for a request that has not begun', async () => {
    const pool = new MemoryPool(100);
    pool.open('a', 100);
    await pool.open('b', 50).grow(50, signal);
  });

  it('lets a client that holds its part finish its first request', async () => {
    const pool = new MemoryPool(100);
    const shares = Array.from({ length: 5 }, () => pool.open('a', 50));
    for (const share of shares) await share.grow(10, signal);
    const grown = shares.map((share) => share.grow(50, signal));
    for (const [index, share] of shares.entries()) {
      await grown[index];
      share.release();
    }
    expect(pool.usedBytes).toBe(0);
  });

  it('tells that it is short, as long as somebody waits', async () => {
    const pool = new MemoryPool(100);
    const first = pool.open('a', 80);
    await first.grow(50, signal);
    expect(first.isWanted).toBe(false);
    const leaving = new AbortController();
    const second = pool.open('b', 80);
    const waiting = second.grow(60, leaving.signal);
    expect(first.isWanted).toBe(true);
    leaving.abort(new Error('gone'));
    await expect(waiting).rejects.toThrow('gone');
    second.release();
    expect(first.isWanted).toBe(false);
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
      const share = pool.open(`client ${random(3)}`, maxBytes);
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
    const large = memory.open('a', 70 * MIB, 70 * MIB);
    await large.grow(70 * MIB, signal);
    const another = memory.open('a', 2 * MIB, 70 * MIB);
    expect(await isSettled(another.grow(2 * MIB, signal))).toBe(false);
    const small = memory.open('a', 1000, 70 * MIB);
    await small.grow(1000, signal);
    const unknown = memory.open('a', undefined, 70 * MIB);
    await unknown.grow(1000, signal);
  });

  it('has room for small ones while those without a length wait to become large', async () => {
    const memory = new BodyMemory(MIB);
    await memory.open('a', 917_504, 917_504).grow(917_504, signal);
    const chunked = Array.from({ length: 50 }, () => memory.open('a', undefined, 917_504));
    const grown = chunked.map(async (share) => {
      await share.grow(5000, signal);
      await share.grow(20_000, signal);
    });
    expect(await isSettled(Promise.race(grown))).toBe(false);
    await memory.open('a', 1000, 917_504).grow(1000, signal);
    await memory.open('b', undefined, 917_504).grow(1000, signal);
  });

  it('has room for the small ones of another client while one holds many', async () => {
    const memory = new BodyMemory(512 * MIB);
    const held = Array.from({ length: 70 }, () => memory.open('a', MIB, 100 * MIB).grow(MIB - 20, signal));
    expect(await isSettled(Promise.all(held))).toBe(false);
    await memory.open('b', 60, 100 * MIB).grow(60, signal);
    await memory.open('b', MIB, 100 * MIB).grow(MIB, signal);
  });

  it('counts a body without a length among the small ones until it is large', async () => {
    const memory = new BodyMemory(80 * MIB);
    const share = memory.open('a', undefined, 70 * MIB);
    for (let bytes = 0; bytes < 70 * MIB; bytes += 60_000) await share.grow(bytes, signal);
    expect(memory.usedBytes).toBe(70 * MIB);
    const other = memory.open('a', undefined, 70 * MIB);
    await other.grow(MIB, signal);
    const waiting = other.grow(MIB + 1, signal);
    expect(await isSettled(waiting)).toBe(false);
    share.release();
    await waiting;
    other.release();
    expect(memory.usedBytes).toBe(0);
  });
});
