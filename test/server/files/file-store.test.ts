import { describe, expect, it } from 'vitest';
import type { StoredFile } from '../../../src/server/files/file-store.ts';
import { FileStore } from '../../../src/server/files/file-store.ts';

const HOUR_MS = 3_600_000;

function storeOf(limits: { maxFiles?: number; maxBytes?: number } = {}) {
  const clock = { nowMs: HOUR_MS };
  const store = new FileStore({ maxFiles: 100, maxBytes: 1000, ...limits }, () => clock.nowMs);
  const add = (owner: string, bytes: number, lifetimeS?: number): StoredFile =>
    store.add({
      owner,
      name: 'a.bin',
      mediaType: 'application/octet-stream',
      purpose: 'user_data',
      lifetimeS,
      bytes,
      pieces: [new Uint8Array(bytes)],
    });
  return { store, clock, add };
}

describe('a file that was uploaded', () => {
  it('is there for its owner alone', () => {
    const { store, add } = storeOf();
    const { id } = add('a', 10);
    expect(store.find(id, 'a')?.bytes).toBe(10);
    expect(store.find(id, 'b')).toBeUndefined();
    expect([store.list('a').length, store.list('b').length]).toEqual([1, 0]);
  });

  it('gives its memory back when it is deleted, and when it expires', () => {
    const { store, clock, add } = storeOf();
    const kept = add('a', 10);
    const expiring = add('a', 20, 3600);
    store.remove(add('a', 30));
    expect(store.usedBytes).toBe(30);
    clock.nowMs += HOUR_MS - 1;
    expect(store.find(expiring.id, 'a')).toBeDefined();
    clock.nowMs += 1;
    expect(store.find(expiring.id, 'a')).toBeUndefined();
    expect([store.count, store.usedBytes, store.list('a')]).toEqual([1, 10, [kept]]);
  });

  it('makes room for others when it was not used for the longest time', () => {
    const { store, add } = storeOf({ maxFiles: 3 });
    const [first, second, third] = [add('a', 1), add('a', 1), add('a', 1)];
    store.find(first.id, 'a');
    const fourth = add('a', 1);
    expect(store.list('a')).toEqual([first, third, fourth]);
    expect(store.find(second.id, 'a')).toBeUndefined();
  });

  it('stays while another owner has more', () => {
    const { store, add } = storeOf();
    const small = add('a', 100);
    const others = [add('b', 400), add('b', 400), add('b', 400)];
    expect(store.find(small.id, 'a')).toBeDefined();
    expect(store.list('b')).toEqual(others.slice(1));
    expect(store.usedBytes).toBe(900);
    // A newcomer takes its room from the one who has most, too.
    add('c', 200);
    expect([store.list('a').length, store.list('b').length, store.list('c').length]).toEqual([1, 1, 1]);
  });

  it('goes with as many others as a large one asks for, each from who has most by then', () => {
    const { store, add } = storeOf();
    const [, , , kept, alsoKept] = ['a', 'b', 'a', 'b', 'a'].map((owner) => add(owner, 200));
    const large = add('c', 500);
    expect([store.list('a'), store.list('b'), store.list('c')]).toEqual([[alsoKept], [kept], [large]]);
  });
});
