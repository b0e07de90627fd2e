import { messageOf } from '../../src/errors/index.ts';
import { serverCommand } from './commands.ts';
import type { CommandSettings, Flags } from './commands.ts';
import { chat, ask } from './chat.ts';
import { record } from './figures.ts';
import type { Contender, Figure, Reading } from './figures.ts';
import { randomText } from './prompts.ts';
import { noisyCpus, untilQuiet, watchForeignCpus } from './quiet.ts';
import { startServer } from './server.ts';
import type { Server } from './server.ts';

/** Sizes of the loads. */
export interface LoadSizes {
  readonly rounds: number;
  readonly streams: readonly number[];
  readonly outputTokens: number;
  readonly promptWords: number;
}

export interface BenchSettings extends CommandSettings, LoadSizes {
  /** How long to wait for a quiet machine before each measurement. */
  readonly patienceMs: number;
  readonly log: (line: string) => void;
}

/** One side of a comparison. */
export interface Subject {
  readonly contender: Contender;
  /** The process that does the work, if it outlives the measurement. */
  readonly pid?: number;
  readonly measure: () => Promise<readonly Reading[]>;
}

/** How often a disturbed measurement is made, on a CPU; the least disturbed one counts. */
const attemptsOnCpu = 3;

/** Measures one model: keeps the servers and collects the figures. */
export class Bench {
  readonly settings: BenchSettings;
  readonly figures = new Map<string, Figure>();
  /** What is being measured. */
  scenario = '';
  /** What another server than vserve could not do, in the words of a line below the table. */
  readonly failures: string[] = [];
  readonly #servers = new Map<string, Promise<Server>>();

  constructor(settings: BenchSettings) {
    this.settings = settings;
  }

  /**
   * The contenders' servers for `maxBatchSize` requests at a time, started at the first call, or after they ended, and
   * warmed up. Those that cannot are left out, unless it is vserve.
   */
  async servers(contenders: readonly Contender[], maxBatchSize: number): Promise<Server[]> {
    const servers: Server[] = [];
    for (const contender of contenders) {
      await this.#tolerate(contender, async () => servers.push(await this.#server(contender, maxBatchSize)));
    }
    return servers;
  }

  /** Starts a server of its own, which the caller stops. `more` are further flags of it. */
  start(contender: Contender, maxBatchSize: number, more: Flags = {}): Promise<Server> {
    return startServer(contender, (port) => serverCommand(contender, this.settings, maxBatchSize, port, more));
  }

  /**
   * Measures the subjects alternately, round after round, once the machine is quiet. One that fails is left out from then
   * on, unless it is vserve.
   */
  async alternate(subjects: readonly Subject[]): Promise<void> {
    const failed = new Set<Subject>();
    for (let round = 0; round < this.settings.rounds; round++) {
      for (const subject of subjects.filter((candidate) => !failed.has(candidate))) {
        const succeeded = await this.#tolerate(subject.contender, () => this.#measure(subject));
        if (!succeeded) failed.add(subject);
      }
    }
  }

  async close(): Promise<void> {
    for (const starting of await Promise.allSettled(this.#servers.values())) {
      if (starting.status === 'fulfilled') await starting.value.stop();
    }
  }

  async #server(contender: Contender, maxBatchSize: number): Promise<Server> {
    const key = `${contender} ${String(maxBatchSize)}`;
    const started = await this.#servers.get(key);
    if (started?.isRunning === true) return started;
    const starting = this.#startWarm(contender, maxBatchSize);
    this.#servers.set(key, starting);
    return starting;
  }

  /** Whether `work` succeeded. What vserve cannot do is thrown, what another one cannot is noted. */
  async #tolerate(contender: Contender, work: () => Promise<unknown>): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (error) {
      if (contender === 'vserve' || contender === "vserve's engine") throw error;
      const [line = ''] = messageOf(error).split('\n');
      this.failures.push(`${contender} failed in ${this.scenario}: ${line}`);
      this.settings.log(this.failures.at(-1) ?? '');
      return false;
    }
  }

  async #measure({ contender, pid, measure }: Subject): Promise<void> {
    const noisy = noisyCpus(this.settings.threads);
    const attempts = this.settings.devices === 'cpu' ? attemptsOnCpu : 1;
    let quietest: { readings: readonly Reading[]; foreignCpus: number | undefined } | undefined;
    for (let attempt = 0; attempt < attempts; attempt++) {
      await untilQuiet(noisy, this.settings.patienceMs);
      const foreignCpusSince = watchForeignCpus(pid);
      const readings = await measure();
      const foreignCpus = foreignCpusSince();
      if ((foreignCpus ?? 0) <= (quietest?.foreignCpus ?? Infinity)) quietest = { readings, foreignCpus };
      if ((foreignCpus ?? 0) < noisy) break;
    }
    if (quietest === undefined) return;
    const { readings, foreignCpus } = quietest;
    record(this.figures, contender, readings, foreignCpus);
    const noise = (foreignCpus ?? 0) < noisy ? '' : ` (disturbed: ${(foreignCpus ?? 0).toFixed(2)} CPUs busy)`;
    const parts = readings.map(({ name, unit, value }) => `${name} ${value.toFixed(1)} ${unit}`);
    this.settings.log(`${contender}: ${parts.join(', ')}${noise}`);
  }

  async #startWarm(contender: Contender, maxBatchSize: number): Promise<Server> {
    const server = await this.start(contender, maxBatchSize);
    await chat(server.url, [ask(randomText(this.settings.promptWords))], { maxTokens: 8 });
    return server;
  }
}
