import { describe, expect, it } from 'vitest';
import { readAhead } from '../../src/server/read-ahead.ts';
import { Gate } from '../support/gate.ts';

const settings = { maxSize: 3, sizeOf: () => 1 };

/** Numbers from 0, what was made of them, and whether the iterator has ended. */
function counted(count: number) {
  const state = { made: 0, hasEnded: false };
  async function* numbers(): AsyncGenerator<number> {
    try {
      for (; state.made < count; state.made += 1) yield await Promise.resolve(state.made);
    } finally {
      state.hasEnded = true;
    }
  }
  return { state, numbers };
}

async function rest(values: AsyncIterable<number>): Promise<number[]> {
  const all = [];
  for await (const value of values) all.push(value);
  return all;
}

function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

describe('reading ahead', () => {
  it('has the iterator end before its values are used, where they are few', async () => {
    const { state, numbers } = counted(3);
    const values = readAhead(numbers, settings);
    expect((await values.next()).value).toBe(0);
    await settled();
    expect(state).toEqual({ made: 3, hasEnded: true });
    expect(await rest(values)).toEqual([1, 2]);
  });

  it('goes no further than it may, and on as values are used', async () => {
    const { state, numbers } = counted(1000);
    const values = readAhead(numbers, settings);
    expect((await values.next()).value).toBe(0);
    await settled();
    expect(state.made).toBeLessThan(6);
    expect(await rest(values)).toEqual(Array.from({ length: 999 }, (_, index) => index + 1));
  });

  it('ends the iterator when it is left, also one that waits for room', async () => {
    for (const count of [3, 1000]) {
      const { state, numbers } = counted(count);
      for await (const value of readAhead(numbers, settings)) if (value === 1) break;
      expect(state.hasEnded).toBe(true);
      expect(state.made).toBeLessThan(8);
    }
  });

  it('fails as the iterator does, after what came before', async () => {
    const gate = new Gate();
    async function* failing(): AsyncGenerator<number> {
      yield 1;
      await gate.opened;
      throw new Error('broken');
    }
    const values = readAhead(failing, settings);
    gate.open();
    await settled();
    expect((await values.next()).value).toBe(1);
    await expect(values.next()).rejects.toThrow('broken');
  });
});
