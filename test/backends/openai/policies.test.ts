import { expect, it } from 'vitest';
import type { Candidate } from '../../../backends/openai/balance/candidate.ts';
import { policies } from '../../../backends/openai/balance/policies.ts';
import { hashOf } from '../../../backends/openai/balance/rendezvous.ts';
import { Random } from '../../../scripts/soak/random.ts';

interface Place extends Candidate {
  inFlight: number;
}

function places(count: number, changes: Partial<Candidate> = {}): Place[] {
  return Array.from({ length: count }, (_, index) => {
    const id = `http://10.0.0.${String(index)}:8000`;
    return { id, idHash: hashOf(id), weight: 1, inFlight: 0, capacity: 100, ...changes };
  });
}

const keys = Array.from({ length: 2000 }, (_, index) => `conversation ${String(index)}`);

it('affinity sends a conversation to the same server, and conversations evenly to all', () => {
  const choose = policies.affinity();
  const servers = places(10);
  const counts = new Map<string, number>();
  for (const key of keys) {
    const { id } = choose(servers, key);
    expect(choose(servers, key).id).toBe(id);
    counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  expect(counts.size).toBe(10);
  expect(Math.max(...counts.values())).toBeLessThan(1.5 * (keys.length / 10));
  expect(Math.min(...counts.values())).toBeGreaterThan(0.5 * (keys.length / 10));
});

it('where a server goes, only its conversations move', () => {
  const choose = policies.affinity();
  const servers = places(10);
  const [gone, ...left] = servers;
  for (const key of keys) {
    const before = choose(servers, key).id;
    if (before !== gone?.id) expect(choose(left, key).id).toBe(before);
  }
});

it('affinity yields where its server is far busier than the others', () => {
  const choose = policies.affinity();
  const servers = places(4);
  const [key = ''] = keys;
  const first = choose(servers, key);
  // A batch of a few is taken in any case.
  first.inFlight = 3;
  expect(choose(servers, key)).toBe(first);
  first.inFlight = 40;
  const second = choose(servers, key);
  expect(second).not.toBe(first);
  expect(choose(servers, key)).toBe(second);
  for (const server of servers) server.inFlight = 40;
  expect(choose(servers, key)).toBe(first);
});

it('a thousand requests of one key are spread within the bound', () => {
  const choose = policies.affinity();
  const servers = places(8, { capacity: 1000 });
  for (let count = 0; count < 1000; count += 1) choose(servers, 'the same').inFlight += 1;
  expect(Math.max(...servers.map(({ inFlight }) => inFlight))).toBeLessThanOrEqual(Math.ceil((1.25 * 1000) / 8));
});

it.each(['affinity', 'least-in-flight', 'round-robin', 'two-choices'] as const)('%s follows the weights', (name) => {
  const random = new Random(7);
  const choose = policies[name](() => random.next());
  const servers = places(3, { capacity: 10_000 });
  const [heavy] = servers;
  const weighted = servers.map((server) => (server === heavy ? Object.assign(server, { weight: 2 }) : server));
  for (const key of keys) choose(weighted, key).inFlight += 1;
  const share = (heavy?.inFlight ?? 0) / keys.length;
  expect(share).toBeGreaterThan(0.4);
  expect(share).toBeLessThan(0.6);
});

it('least in flight takes the least busy, round robin the next', () => {
  const servers = places(3);
  const [a, b, c] = servers;
  if (a !== undefined) a.inFlight = 2;
  if (b !== undefined) b.inFlight = 1;
  expect(policies['least-in-flight']()(servers, '')).toBe(c);
  const turns = policies['round-robin']();
  expect([1, 2, 3, 4].map(() => turns(servers, ''))).toEqual([a, b, c, a]);
});
