import type { UpstreamPolicy } from '../../../src/backend/index.ts';
import type { Candidate, Policy } from './candidate.ts';
import { preferred } from './rendezvous.ts';

/** How far above the mean of all a server may be for the sake of its caches. */
const LOAD_BOUND = 1.25;
/** Requests that a server takes before the bound holds, as a part of its capacity: a batch of a few costs little more than one. */
const FREE_PART = 1 / 4;
const MOST_FREE = 4;

/** Makes the policies. `random` gives numbers from 0 to below 1. */
export const policies: Readonly<Record<UpstreamPolicy, (random?: () => number) => Policy>> = {
  affinity: () => affinity,
  'least-in-flight': () => leastInFlight,
  'two-choices': (random = Math.random) => twoChoices(random),
  'round-robin': () => roundRobin(),
};

/** Requests for each unit of weight, if it took one more. */
function loadOf({ inFlight, weight }: Candidate): number {
  return (inFlight + 1) / weight;
}

const leastInFlight: Policy = <C extends Candidate>(candidates: readonly C[]): C => {
  let best = candidates.at(0) as C;
  let least = Infinity;
  for (const candidate of candidates) {
    const load = loadOf(candidate);
    if (load < least) [best, least] = [candidate, load];
  }
  return best;
};

/**
 * The first that the key prefers and that is within a bound of the mean load (consistent hashing with bounded loads); the
 * least busy if none is.
 */
const affinity: Policy = <C extends Candidate>(candidates: readonly C[], key: string): C => {
  let [total, weights] = [1, 0];
  for (const { inFlight, weight } of candidates) {
    total += inFlight;
    weights += weight;
  }
  const isWithin = ({ inFlight, capacity, weight }: C): boolean =>
    inFlight < Math.max(Math.ceil((LOAD_BOUND * total * weight) / weights), Math.min(MOST_FREE, capacity * FREE_PART));
  return preferred(candidates, key, isWithin) ?? leastInFlight(candidates, key);
};

/** The less busy of two at random. */
function twoChoices(random: () => number): Policy {
  return <C extends Candidate>(candidates: readonly C[], key: string): C => {
    const draw = (): C => drawn(candidates, random());
    return leastInFlight([draw(), draw()], key);
  };
}

/** One at random, by weight. */
function drawn<C extends Candidate>(candidates: readonly C[], random: number): C {
  let left = random * candidates.reduce((sum, { weight }) => sum + weight, 0);
  const found = candidates.find(({ weight }) => (left -= weight) < 0);
  return found ?? (candidates.at(-1) as C);
}

/** In turns, by weight: the one that is furthest behind its share. */
function roundRobin(): Policy {
  const credits = new Map<string, { credit: number }>();
  const accountOf = (id: string): { credit: number } => {
    const known = credits.get(id);
    if (known !== undefined) return known;
    const account = { credit: 0 };
    credits.set(id, account);
    return account;
  };
  return <C extends Candidate>(candidates: readonly C[]): C => {
    let next = candidates.at(0) as C;
    let richest: { credit: number } | undefined;
    let weights = 0;
    for (const candidate of candidates) {
      const account = accountOf(candidate.id);
      account.credit += candidate.weight;
      weights += candidate.weight;
      if (richest === undefined || account.credit > richest.credit) [next, richest] = [candidate, account];
    }
    if (richest !== undefined) richest.credit -= weights;
    return next;
  };
}
