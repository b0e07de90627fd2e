import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { clientPathOf } from '../../src/server/client-path.ts';
import { FairTurns } from '../../src/server/fair-turns.ts';
import type { LeavePlace } from '../../src/server/fair-turns.ts';

const { signal } = new AbortController();

/** Turns that write down whose they were, `address key`. */
function recordedTurns(places: number) {
  const turns = new FairTurns(places);
  const order: string[] = [];
  const held: LeavePlace[] = [];
  return {
    turns,
    order,
    ask: async (name: string): Promise<void> => {
      const leave = await turns.enter(name.split(' '), signal);
      order.push(name);
      held.push(leave);
    },
    /** Ends the request that has been at it for longest. */
    finish: async (): Promise<void> => {
      await settled();
      held.shift()?.();
      await settled();
    },
  };
}

function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

describe('turns', () => {
  it('go to one client in the order in which it asked', async () => {
    const turns = new FairTurns(1);
    const order: number[] = [];
    const work = async (number: number): Promise<void> => {
      const leave = await turns.enter(['a'], signal);
      order.push(number);
      leave();
    };
    await Promise.all([0, 1, 2, 3, 4].map(work));
    expect(order).toEqual([0, 1, 2, 3, 4]);
    expect(turns.waiting).toBe(0);
  });

  it('go to a client that comes late before the many others of one that was there', async () => {
    const { ask, finish, order } = recordedTurns(2);
    for (let i = 0; i < 6; i += 1) void ask('a 1');
    void ask('b 1');
    void ask('b 1');
    for (let i = 0; i < 8; i += 1) await finish();
    // One at a time for each, as long as both wait.
    expect(order.join(', ')).toBe('a 1, a 1, b 1, a 1, b 1, a 1, a 1, a 1');
  });

  it('are shared by the keys of one address, which gets no more for having several', async () => {
    const { ask, finish, order } = recordedTurns(1);
    void ask('x 0');
    for (const name of ['a 1', 'a 1', 'a 2', 'a 3', 'b 1', 'b 1']) void ask(name);
    for (let i = 0; i < 7; i += 1) await finish();
    expect(order).toEqual(['x 0', 'a 1', 'b 1', 'a 2', 'b 1', 'a 3', 'a 1']);
  });

  it('are not given to who has left', async () => {
    const turns = new FairTurns(1);
    const leave = await turns.enter(['a'], signal);
    const leaving = new AbortController();
    const left = turns.enter(['a'], leaving.signal);
    const next = turns.enter(['a'], signal);
    leaving.abort(new Error('gone'));
    await expect(left).rejects.toThrow('gone');
    expect(turns.waiting).toBe(1);
    leave();
    leave();
    (await next)();
    const free = await Promise.race([turns.enter(['b'], signal), settled()]);
    expect(free).toBeTypeOf('function');
  });
});

function path(remoteAddress: string, headers: object = {}) {
  return clientPathOf({ socket: { remoteAddress }, headers } as IncomingMessage);
}

describe('a client', () => {
  it.each([
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::9'],
    ['2001:db8::1', '2001:db8:0:0:ffff::'],
    ['::1', '::2'],
    ['fe80::1%eth0', 'fe80::2%eth0'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
  ])('is the same at %s and %s', (one, other) => {
    expect(path(one)).toEqual(path(other));
  });

  it.each([
    ['192.0.2.1', '192.0.2.2'],
    ['2001:db8:1:2::1', '2001:db8:1:3::1'],
  ])('is another at %s and %s', (one, other) => {
    expect(path(one)).not.toEqual(path(other));
  });

  it('is told apart behind one address by key and program', () => {
    const paths = [{}, { authorization: 'Bearer a' }, { 'user-agent': 'b' }].map((headers) => path('::1', headers));
    expect(new Set(paths.map(String)).size).toBe(3);
  });
});

describe('places', () => {
  it('may be added while requests wait for them, and taken away while they are held', async () => {
    const { turns, order, ask, finish } = recordedTurns(1);
    const asked = ['a', 'b', 'c', 'd'].map((name) => ask(name));
    await settled();
    expect(order).toEqual(['a']);
    turns.grow(2);
    await settled();
    expect(order).toEqual(['a', 'b', 'c']);
    turns.grow(-2);
    await finish();
    await finish();
    expect(order).toEqual(['a', 'b', 'c']);
    await finish();
    expect(order).toEqual(['a', 'b', 'c', 'd']);
    await Promise.all(asked);
  });
});
