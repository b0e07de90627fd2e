import { messageOf } from '../../src/errors/index.ts';
import type { LogLevel } from '../../src/backend/index.ts';
import type { Candidate } from './balance/candidate.ts';
import { hashOf } from './balance/rendezvous.ts';
import type { Outcome } from './circuit.ts';
import { Circuit } from './circuit.ts';
import { CertainlyDown, Health } from './health.ts';
import { Latency } from './latency.ts';
import { UpstreamClient } from './upstream-client.ts';
import type { UpstreamConfig } from './upstream-config.ts';
import { describeUpstream, Unusable } from './upstream-description.ts';
import type { Naming, UpstreamDescription } from './upstream-description.ts';
import type { FailureReason } from './upstream-failure.ts';
import { failureReasons } from './upstream-failure.ts';

export interface UpstreamOptions {
  readonly naming: Naming;
  readonly silenceMs: number;
  readonly healthIntervalMs: number;
  readonly healthTimeoutMs?: number | undefined;
  /** How long its circuit stays open at first. */
  readonly firstOpenMs?: number | undefined;
  readonly log: (level: LogLevel, message: string) => void;
  /** Told after each check, whatever it found. */
  readonly onChecked: () => void;
}

const REFUSALS = ['ECONNREFUSED', 'ENOENT', 'EHOSTUNREACH', 'ENOTFOUND'];

const SIGNS_OF_AN_END: readonly FailureReason[] = ['unreachable', 'broken', 'ending'];

/** A server that computes in our place. */
export class Upstream implements Candidate {
  readonly id: string;
  readonly idHash: number;
  readonly client: UpstreamClient;
  readonly firstTokenTime = new Latency();
  readonly failures = new Map<FailureReason, number>(failureReasons.map((reason) => [reason, 0]));
  requests = 0;
  inFlight = 0;
  #config: UpstreamConfig;
  readonly #options: UpstreamOptions;
  readonly #circuit: Circuit;
  readonly #health: Health;
  #description: UpstreamDescription | undefined;
  #hasHealthPath = true;
  #isRemoved = false;
  #lastReason = '';
  #lastFailed = '';
  #isUnusable = false;
  #isStale = true;

  constructor(config: UpstreamConfig, options: UpstreamOptions) {
    this.id = config.url;
    this.idHash = hashOf(config.url);
    this.client = new UpstreamClient(config, options.silenceMs);
    this.#config = config;
    this.#options = options;
    this.#circuit = new Circuit(options.firstOpenMs);
    this.#health = new Health({
      intervalMs: options.healthIntervalMs,
      timeoutMs: options.healthTimeoutMs,
      heardSince: (ms) => this.client.heardAtMs >= ms,
      check: (signal) => this.#check(signal),
      onChange: (isUp, reason) => this.#changed(isUp, reason),
      onChecked: options.onChecked,
    });
  }

  get config(): UpstreamConfig {
    return this.#config;
  }

  get weight(): number {
    return this.#config.weight;
  }

  get capacity(): number {
    return this.#description?.capacity ?? 0;
  }

  /** Undefined before it has answered once. */
  get description(): UpstreamDescription | undefined {
    return this.#description;
  }

  get isUp(): boolean {
    return this.#health.isUp && !this.#isRemoved;
  }

  get circuitState(): string {
    return this.#circuit.state;
  }

  /** Why it is not up. */
  get reason(): string {
    return this.#lastReason;
  }

  /** It answers, and cannot be used as it is set up: waiting does not help. */
  get isUnusable(): boolean {
    return this.#isUnusable;
  }

  /** Whether it takes a request now; with `isTrial`, one whose outcome decides about others. */
  get admits(): { readonly isTrial: boolean } | undefined {
    return this.isUp && this.#description !== undefined ? this.#circuit.admits : undefined;
  }

  /** It does not answer, and may only be slow: better than none. */
  get isDoubtful(): boolean {
    return !this.#isRemoved && this.#health.isDoubtful && this.#description !== undefined;
  }

  /** Counts a request that it admits. */
  begin(): Outcome {
    this.inFlight += 1;
    this.requests += 1;
    return this.#circuit.begin();
  }

  /** Counts a failure, and looks after an upstream that may have ended. */
  countFailure(reason: FailureReason): void {
    this.failures.set(reason, (this.failures.get(reason) ?? 0) + 1);
    if (SIGNS_OF_AN_END.includes(reason)) void this.checkNow();
  }

  /** Whether the conversation of this `affinityKey` is the one whose request failed last. */
  failsAgain(key: string): boolean {
    const isSame = key === this.#lastFailed;
    this.#lastFailed = key;
    return isSame;
  }

  /** Resolves when it is known whether it is up. */
  checkNow(): Promise<void> {
    return this.#health.checkNow();
  }

  /** Takes over settings that need no new connections. */
  reconfigure(config: UpstreamConfig): void {
    this.#config = config;
    this.#isStale = true;
    void this.checkNow();
  }

  /** Takes no more requests; its connections are closed once those that it has are answered. */
  remove(): void {
    this.#isRemoved = true;
    this.#health.stop();
    this.client.close().catch(() => undefined);
  }

  /** Closes its connections at once. */
  async destroy(): Promise<void> {
    this.#isRemoved = true;
    this.#health.stop();
    await this.client.destroy();
  }

  /** What is up again may be another server than before. */
  async #check(signal: AbortSignal): Promise<void> {
    try {
      if (this.#isStale || !this.#health.isUp) {
        this.#description = await describeUpstream(this.client, this.#config, this.#options.naming, signal);
        this.#isStale = false;
      }
      await this.#requireHealth(signal);
      this.#isUnusable = false;
    } catch (error) {
      this.#isUnusable = error instanceof Unusable;
      this.#lastReason = messageOf(error);
      const isRefused = error instanceof Error && 'code' in error && REFUSALS.includes(String(error.code));
      if (error instanceof Unusable || isRefused) throw new CertainlyDown(messageOf(error), { cause: error });
      throw error;
    }
  }

  async #requireHealth(signal: AbortSignal): Promise<void> {
    if (this.#hasHealthPath) {
      const { status } = await this.client.ask('GET', '/health', signal);
      if (status === 200) return;
      if (status === 503) throw new CertainlyDown('it is not ready (HTTP 503 of /health)');
      // Not every server has it, and behind a gateway it may want another key.
      if (status >= 500) throw new Error(`/health answers HTTP ${String(status)}`);
      this.#hasHealthPath = false;
    }
    const { status } = await this.client.ask('GET', '/v1/models', signal);
    if (status >= 500) throw new Error(`/v1/models answers HTTP ${String(status)}`);
  }

  #changed(isUp: boolean, reason: string): void {
    const { log } = this.#options;
    if (isUp)
      log(
        'info',
        `Upstream ${this.id} is up (${this.#description?.dialect ?? ''}, ${this.#description?.model ?? ''}).`,
      );
    else log('warning', `Upstream ${this.id} is down: ${reason}. It gets no requests until it answers.`);
  }
}
