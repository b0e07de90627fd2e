import { policies } from '../../backends/openai/balance/policies.ts';
import type { UpstreamPolicy } from '../../src/backend/index.ts';
import { Random } from '../soak/random.ts';
import { EventQueue } from './event-queue.ts';
import { FreeReplicas } from './free-replicas.ts';
import { Replica, usualServiceMs } from './replica.ts';
import { firstHistoryTokens, keyOf, meanAnswerTokens, meanTurns, Users } from './users.ts';
import type { Turn } from './users.ts';

export interface SimulationOptions {
  readonly replicas: number;
  readonly policy: UpstreamPolicy;
  /** Requests to simulate. */
  readonly requests: number;
  /** Part of all places that are to be taken, on average. */
  readonly load: number;
  /** Between two failures of a replica, on average; undefined for none. */
  readonly failureEveryMs: number | undefined;
  readonly seed: number;
}

export interface Measured {
  /** Of answered requests, sorted. */
  readonly ttftMs: Float64Array;
  /** Mean part of the places that were taken. */
  readonly utilisation: number;
  /** Of turns that had one before, those that found it cached. */
  readonly prefixHits: number;
  /** Requests that were lost with their replica. */
  readonly lost: number;
  /** Most requests of one replica in the mean of all. */
  readonly imbalance: number;
}

const repairMs = 60_000;

interface Waiting {
  readonly turn: Turn;
  readonly arrivedAtMs: number;
}

/** Arrivals, turns, failures and repairs, until so many requests are answered. The first tenth warms the caches up. */
export function simulate(options: SimulationOptions): Measured {
  return new Simulation(options).run();
}

class Simulation {
  readonly #options: SimulationOptions;
  readonly #queue = new EventQueue();
  readonly #users: Users;
  readonly #random: Random;
  readonly #replicas: readonly Replica[];
  readonly #free: FreeReplicas;
  readonly #choose;
  readonly #waiting: Waiting[] = [];
  readonly #ttftMs: number[] = [];
  #nowMs = 0;
  #answered = 0;
  #lost = 0;
  #laterTurns = 0;
  #prefixHits = 0;
  #busyMs = 0;
  #measuredFromMs = 0;

  constructor(options: SimulationOptions) {
    this.#options = options;
    this.#random = new Random(options.seed);
    this.#users = new Users(new Random(options.seed + 1));
    this.#replicas = Array.from({ length: options.replicas }, (_, index) => new Replica(index));
    this.#free = new FreeReplicas(this.#replicas);
    this.#choose = policies[options.policy](() => this.#random.next());
  }

  run(): Measured {
    const { requests, failureEveryMs } = this.#options;
    this.#comeAndGo();
    if (failureEveryMs !== undefined) for (const replica of this.#replicas) this.#failLater(replica, failureEveryMs);
    while (this.#answered < requests) {
      const event = this.#queue.next();
      if (event === undefined) break;
      this.#nowMs = event.atMs;
      event.run();
    }
    const places = this.#replicas.reduce((sum, { capacity }) => sum + capacity, 0);
    const served = this.#replicas.map((replica) => this.#served.get(replica) ?? 0);
    return {
      ttftMs: Float64Array.from(this.#ttftMs).sort(),
      utilisation: this.#busyMs / (places * (this.#nowMs - this.#measuredFromMs)),
      prefixHits: this.#prefixHits / Math.max(1, this.#laterTurns),
      lost: this.#lost,
      imbalance: (Math.max(...served) * served.length) / served.reduce((sum, count) => sum + count, 0),
    };
  }

  readonly #served = new Map<Replica, number>();

  get #isMeasured(): boolean {
    return this.#answered >= this.#options.requests / 10;
  }

  /** One user after the other. */
  #comeAndGo(): void {
    const { replicas, load } = this.#options;
    const places = replicas * (this.#replicas[0]?.capacity ?? 0);
    const perSecond = (1000 * load * places) / (meanTurns * usualServiceMs(meanAnswerTokens));
    this.#queue.add(this.#nowMs + this.#users.gapMs(perSecond), () => {
      this.#ask(this.#users.arrive());
      this.#comeAndGo();
    });
  }

  #ask(turn: Turn): void {
    this.#waiting.push({ turn, arrivedAtMs: this.#nowMs });
    this.#serve();
  }

  /** Those who wait, in order, as long as there is room. */
  #serve(): void {
    while (this.#waiting.length > 0) {
      if (this.#free.all.length === 0) return;
      const next = this.#waiting.shift();
      if (next !== undefined) this.#begin(this.#choose(this.#free.all, keyOf(next.turn)), next);
    }
  }

  #begin(replica: Replica, { turn, arrivedAtMs }: Waiting): void {
    const { life } = replica;
    const beganAtMs = this.#nowMs;
    const { firstTokenAtMs, endsAtMs, hadPrefix } = replica.begin(turn, beganAtMs);
    this.#free.update(replica);
    this.#served.set(replica, (this.#served.get(replica) ?? 0) + 1);
    this.#queue.add(endsAtMs, () => {
      if (replica.life !== life) {
        // It was lost, and is not asked again here: the user comes back, or does not.
        this.#lost += 1;
        return;
      }
      replica.end();
      this.#free.update(replica);
      this.#answered += 1;
      if (this.#isMeasured) {
        if (this.#measuredFromMs === 0) this.#measuredFromMs = beganAtMs;
        this.#ttftMs.push(firstTokenAtMs - arrivedAtMs);
        this.#busyMs += endsAtMs - Math.max(beganAtMs, this.#measuredFromMs);
        if (turn.historyTokens > firstHistoryTokens) {
          this.#laterTurns += 1;
          if (hadPrefix) this.#prefixHits += 1;
        }
      }
      const then = this.#users.next(turn);
      if (then !== undefined) this.#queue.add(this.#nowMs + then.thinkMs, () => this.#ask(then.turn));
      this.#serve();
    });
  }

  #failLater(replica: Replica, everyMs: number): void {
    const inMs = -everyMs * Math.log(1 - this.#random.next());
    this.#queue.add(this.#nowMs + inMs, () => {
      replica.fail();
      this.#free.update(replica);
      this.#queue.add(this.#nowMs + repairMs, () => {
        replica.recover();
        this.#free.update(replica);
        this.#serve();
        this.#failLater(replica, everyMs);
      });
    });
  }
}
