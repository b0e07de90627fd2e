import { expect, it } from 'vitest';
import { EventQueue } from '../../scripts/simulate/event-queue.ts';
import { simulate } from '../../scripts/simulate/simulation.ts';
import { Random } from '../../scripts/soak/random.ts';

const options = { replicas: 6, requests: 1500, load: 0.6, failureEveryMs: undefined, seed: 3 };

it('a simulation with the same seed comes to the same', () => {
  const failing = { ...options, policy: 'two-choices', failureEveryMs: 100_000 } as const;
  const first = simulate(failing);
  expect(simulate(failing)).toEqual(first);
  expect(first.lost).toBeGreaterThan(0);
});

it('affinity finds conversations cached, round robin rarely; without failures nothing is lost', () => {
  const [affinity, turns] = (['affinity', 'round-robin'] as const).map((policy) => simulate({ ...options, policy }));
  expect(affinity?.prefixHits).toBeGreaterThan(0.6);
  expect(turns?.prefixHits).toBeLessThan(0.4);
  expect([affinity?.lost, turns?.lost]).toEqual([0, 0]);
});

it('events run in the order of their times', () => {
  const random = new Random(1);
  const queue = new EventQueue();
  const times = Array.from({ length: 500 }, () => random.below(100));
  for (const time of times) queue.add(time, () => undefined);
  const run: number[] = [];
  for (let event = queue.next(); event !== undefined; event = queue.next()) run.push(event.atMs);
  expect(run).toEqual(times.toSorted((a, b) => a - b));
});
