import { getLlama } from 'node-llama-cpp';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadNativeAddon } from '../../../backends/node-llama-cpp/addon-loader.ts';
import type { NativeAddon, NativeThreadGovernor } from '../../../backends/node-llama-cpp/native-addon.ts';

/** Milliseconds of a step on one undisturbed CPU. */
const workMs = 40;
const patience = [1000, 30_000, 0.75] as const;

/** CPUs that programs share fairly, and a step whose threads wait for one another at every turn. */
interface Machine {
  readonly cpus: number;
  /** Programs beside ours that never rest. */
  neighbours: number;
  /** Whether the operating system tells of them. */
  readonly tells: boolean;
}

function shareOfCpu({ cpus, neighbours }: Machine, threads: number): number {
  return Math.min(1, cpus / (threads + neighbours));
}

/** All threads must be on a CPU for the step to go on. */
function stepMs(machine: Machine, threads: number): number {
  return workMs / threads / shareOfCpu(machine, threads) ** threads;
}

function bestStepMs(machine: Machine): number {
  return Math.min(...Array.from({ length: machine.cpus }, (_, i) => stepMs(machine, i + 1)));
}

/** Numbers from 0 to 1, the same in every run. */
function* noise(): Generator<number, never> {
  for (let state = 1; ; state = (state * 48_271) % 0x7fffffff) yield state / 0x7fffffff;
}

class Simulation {
  readonly machine: Machine;
  readonly governor: NativeThreadGovernor;
  nowMs = 1e6;
  /** Threads of every step. */
  readonly threads: number[] = [];
  readonly #noise = noise();
  readonly #noiseShare: number;

  constructor(governor: NativeThreadGovernor, machine: Machine, noiseShare = 0.15) {
    this.governor = governor;
    this.machine = machine;
    this.#noiseShare = noiseShare;
  }

  /** Computes steps for so long; returns how much of the best possible was done in that time. */
  run(forMs: number, tokens = (): number => 1): number {
    const [beganAtMs, bestMs] = [this.nowMs, bestStepMs(this.machine)];
    let done = 0;
    while (this.nowMs < beganAtMs + forMs) {
      const count = tokens();
      this.#step(count);
      done += (bestMs * (count + 1)) / 2;
    }
    return done / (this.nowMs - beganAtMs);
  }

  #step(tokens: number): void {
    const threads = this.governor.threads();
    this.threads.push(threads);
    const disturbance = 1 + this.#noiseShare * (2 * this.#noise.next().value - 1);
    const wallMs = ((stepMs(this.machine, threads) * (tokens + 1)) / 2) * disturbance;
    this.nowMs += wallMs;
    const share = shareOfCpu(this.machine, threads);
    const { cpus, neighbours, tells } = this.machine;
    this.governor.observe({
      tokens,
      wallMs,
      endedAtMs: this.nowMs,
      waitingThreads: tells && share < 0.8 ? threads : 0,
      freeCpus: tells ? cpus - neighbours * share : -1,
    });
  }
}

describe('the number of threads', () => {
  let addon: NativeAddon;
  beforeAll(async () => {
    addon = loadNativeAddon(await getLlama({ gpu: false }));
  });

  const simulate = (machine: Machine, noiseShare?: number): Simulation =>
    new Simulation(new addon.NativeThreadGovernor(machine.cpus, ...patience), machine, noiseShare);

  it.each([true, false])('stays at the most on a quiet machine (told of others: %s)', (tells) => {
    const simulation = simulate({ cpus: 4, neighbours: 0, tells });
    simulation.run(120_000, () => 1 + (simulation.threads.length % 7));
    expect(new Set(simulation.threads)).toEqual(new Set([4]));
  });

  it.each([
    { cpus: 2, neighbours: 2 },
    { cpus: 2, neighbours: 6 },
    { cpus: 4, neighbours: 1 },
    { cpus: 16, neighbours: 8 },
    { cpus: 32, neighbours: 1 },
  ])('falls beside $neighbours busy programs on $cpus CPUs, and rises again', ({ cpus, neighbours }) => {
    const simulation = simulate({ cpus, neighbours: 0, tells: true });
    simulation.run(2000);
    simulation.machine.neighbours = neighbours;
    simulation.run(2000);
    expect(simulation.governor.threads()).toBeLessThan(cpus);
    expect(simulation.run(60_000)).toBeGreaterThan(0.9);
    simulation.machine.neighbours = 0;
    simulation.run(3000);
    expect(simulation.governor.threads()).toBe(cpus);
    expect(simulation.run(60_000)).toBeGreaterThan(0.99);
  });

  it('falls and rises by the time of the steps alone, where the system tells nothing', () => {
    const simulation = simulate({ cpus: 4, neighbours: 0, tells: false });
    simulation.run(2000);
    simulation.machine.neighbours = 4;
    simulation.run(5000);
    expect(simulation.run(60_000)).toBeGreaterThan(0.8);
    simulation.machine.neighbours = 0;
    simulation.run(120_000);
    expect(simulation.governor.threads()).toBe(4);
  });

  it('never tries less than one thread, however many programs are busy', () => {
    const simulation = simulate({ cpus: 4, neighbours: 12, tells: true });
    simulation.run(600_000);
    expect(Math.min(...simulation.threads)).toBe(1);
    expect(Math.max(...simulation.threads.slice(-5))).toBeLessThan(3);
  });

  it('begins after a pause with what was best before, and takes more when the programs are gone', () => {
    const simulation = simulate({ cpus: 4, neighbours: 3, tells: true });
    simulation.run(10_000);
    expect(simulation.governor.threads()).toBeLessThan(4);
    simulation.governor.resume();
    expect(simulation.governor.threads()).toBeLessThan(4);
    simulation.machine.neighbours = 0;
    simulation.run(3000);
    expect(simulation.governor.threads()).toBe(4);
    simulation.governor.resume();
    expect(simulation.governor.threads()).toBe(4);
  });

  it('follows programs that come and go', () => {
    const simulation = simulate({ cpus: 4, neighbours: 0, tells: true });
    let done = 0;
    const periods = 60;
    for (let period = 0; period < periods; period++) {
      simulation.machine.neighbours = period % 2 === 0 ? 0 : 3;
      done += simulation.run(5000);
    }
    expect(done / periods).toBeGreaterThan(0.75);
  });

  it('tries ever more seldom where nothing is better', () => {
    // One neighbour on two CPUs: two threads are as good as one within the noise.
    const simulation = simulate({ cpus: 2, neighbours: 1, tells: true });
    simulation.run(60_000);
    simulation.threads.length = 0;
    expect(simulation.run(300_000)).toBeGreaterThan(0.85);
    const changes = simulation.threads.filter((threads, i) => i > 0 && threads !== simulation.threads[i - 1]).length;
    expect(changes).toBeLessThanOrEqual(30);
  });

  it('tries nothing on a lone step, whose size the next ones do not have', () => {
    const simulation = simulate({ cpus: 2, neighbours: 1, tells: true });
    simulation.run(1, () => 75); // a prompt, beside a program that ends with it
    simulation.machine.neighbours = 0;
    simulation.run(2000);
    expect(new Set(simulation.threads)).toEqual(new Set([2]));
  });

  it('gives up a trial when no more steps of its size come', () => {
    const simulation = simulate({ cpus: 2, neighbours: 1, tells: true });
    while (simulation.threads.at(-1) !== 1) simulation.run(1, () => 4);
    simulation.machine.neighbours = 0;
    simulation.threads.length = 0;
    simulation.run(2000);
    expect(simulation.threads.filter((threads) => threads === 1).length).toBeLessThanOrEqual(6);
  });

  it.each([
    { stepMs: 20, tried: 3 },
    { stepMs: 100, tried: 1 },
  ])('of steps of $stepMs ms, $tried that take longer with fewer threads end a trial', ({ stepMs, tried }) => {
    const governor = new addon.NativeThreadGovernor(2, ...patience);
    const threads: number[] = [];
    let nowMs = 0;
    const run = (untilMs: number): void => {
      while (nowMs < untilMs) {
        threads.push(governor.threads());
        const wallMs = governor.threads() === 2 ? stepMs : 1.9 * stepMs;
        nowMs += wallMs;
        governor.observe({ tokens: 1, wallMs, endedAtMs: nowMs, waitingThreads: 1, freeCpus: -1 });
      }
    };
    run(900); // before the next trial
    expect(threads.filter((count) => count === 1)).toHaveLength(tried);
  });

  it('compares only steps of about the same size', () => {
    const simulation = simulate({ cpus: 2, neighbours: 0, tells: false });
    simulation.run(20_000, () => (simulation.threads.length % 50 < 25 ? 1 : 24));
    expect(new Set(simulation.threads)).toEqual(new Set([2]));
  });
});
