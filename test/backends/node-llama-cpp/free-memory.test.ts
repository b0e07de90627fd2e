import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { keepReturningMemory } from '../../../backends/node-llama-cpp/free-memory.ts';
import { NativeCheck } from './native-check.ts';

describe.skipIf(process.platform !== 'linux')('memory that is free', () => {
  let check: NativeCheck;
  beforeAll(() => {
    check = new NativeCheck('free-memory-check.cpp', ['free-memory']);
  });
  afterAll(() => {
    check.remove();
  });

  it('goes back to the system, wherever between memory in use it lies', () => {
    const [used = 0, freed = 0, returned = 0] = execFileSync(check.program, { encoding: 'utf8' })
      .split(' ')
      .map(Number);
    expect(used).toBeGreaterThan(60);
    expect(freed).toBeGreaterThan(30);
    expect(returned).toBeLessThan(8);
  });
});

it('is returned again and again by one timer, which keeps no process alive', () => {
  vi.useFakeTimers();
  let calls = 0;
  const addon = { returnFreeMemory: () => Promise.resolve(void calls++) };
  keepReturningMemory(addon);
  keepReturningMemory(addon);
  vi.advanceTimersByTime(3600_000);
  vi.useRealTimers();
  expect(calls).toBe(12);
});
