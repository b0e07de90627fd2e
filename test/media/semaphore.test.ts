import { describe, expect, it } from 'vitest';
import { Semaphore } from '../../src/media/semaphore.ts';
import { Gate } from '../support/gate.ts';

const { signal } = new AbortController();

describe('Semaphore', () => {
  it('runs as many as it has places for, the others in order', async () => {
    const semaphore = new Semaphore(2);
    const gates = [new Gate(), new Gate(), new Gate(), new Gate()];
    const begun: number[] = [];
    const runs = gates.map((gate, index) =>
      semaphore.run(signal, async () => {
        begun.push(index);
        await gate.opened;
        return index;
      }),
    );
    gates[1]?.open();
    expect(await runs[1]).toBe(1);
    gates[2]?.open();
    expect(await runs[2]).toBe(2);
    gates[3]?.open();
    expect(await runs[3]).toBe(3);
    expect(begun).toEqual([0, 1, 2, 3]);
    gates[0]?.open();
    await runs[0];
  });

  it('gives the place of a failure on', async () => {
    const semaphore = new Semaphore(1);
    const failed = semaphore.run(signal, () => Promise.reject(new Error('no')));
    const next = semaphore.run(signal, () => Promise.resolve('yes'));
    await expect(failed).rejects.toThrow('no');
    expect(await next).toBe('yes');
  });

  it('lets nobody begin who was aborted while waiting, and keeps no place for him', async () => {
    const semaphore = new Semaphore(1);
    const gate = new Gate();
    const controller = new AbortController();
    const first = semaphore.run(signal, () => gate.opened);
    let begun = false;
    const second = semaphore.run(controller.signal, async () => {
      begun = true;
    });
    controller.abort('gone');
    await expect(second).rejects.toBe('gone');
    gate.open();
    await first;
    expect(await semaphore.run(signal, () => Promise.resolve('third'))).toBe('third');
    expect(begun).toBe(false);
    await expect(semaphore.run(controller.signal, () => Promise.resolve())).rejects.toBe('gone');
  });
});

it('lets the lowest order in first, and of equal ones the first', async () => {
  const semaphore = new Semaphore(1);
  const gate = new Gate();
  const entered: string[] = [];
  const { signal } = new AbortController();
  const first = semaphore.run(signal, () => gate.opened);
  const leaving = new AbortController();
  const enter = (name: string, order: number, own = signal) =>
    semaphore.run(own, () => Promise.resolve(void entered.push(name)), order);
  const others = [enter('large', 9), enter('small', 1), enter('other small', 1), enter('middle', 5)];
  const left = enter('left', 0, leaving.signal);
  leaving.abort('gone');
  await expect(left).rejects.toBe('gone');
  gate.open();
  await Promise.all([first, ...others]);
  expect(entered).toEqual(['small', 'other small', 'middle', 'large']);
});
