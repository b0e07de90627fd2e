import { execFileSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NativeCheck } from './native-check.ts';

const mib = 2 ** 20;
/** No smaller than any Linux has, the first and the last page of a buffer. */
const twoPages = 2 * 65_536;

describe.skipIf(process.platform !== 'linux')('buffers that are filled, as the KV cache is', () => {
  let check: NativeCheck;
  beforeAll(() => {
    check = new NativeCheck('cleared-buffers-check.cpp', ['cleared-buffers']);
  });
  afterAll(() => {
    check.remove();
  });

  function fill(
    how: 'given' | 'refused',
    ...sizes: readonly number[]
  ): { state: string; outside: number; threads: number }[] {
    const lines = execFileSync(check.program, [how, ...sizes.map(String)], { encoding: 'utf8' })
      .trim()
      .split('\n');
    return lines.map((line) => {
      const [state = '', outside, threads] = line.split(' ');
      return { state, outside: Number(outside), threads: Number(threads) };
    });
  }

  it('get all their whole pages at once from several threads, and the value in every byte', () => {
    for (const { state, outside, threads } of fill('given', 96 * mib, 40 * mib + 12_345)) {
      expect(state).toBe('filled');
      expect(outside).toBeLessThan(twoPages);
      expect(threads).toBeGreaterThanOrEqual(Math.min(2, availableParallelism()));
    }
  });

  it('are left to the system where they are small', () => {
    expect(fill('given', mib)).toEqual([{ state: 'filled', outside: mib, threads: 0 }]);
  });

  it('are filled where the system gives no pages in advance', () => {
    expect(fill('refused', 64 * mib)).toEqual([expect.objectContaining({ state: 'filled' })]);
  });
});
