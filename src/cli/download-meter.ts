/** The rate is measured over this time. */
const WINDOW_MS = 5000;
/** Rates over less time are meaningless. */
const LEAST_MS = 1000;
/** A download without a byte for this long has stalled. */
const STALL_MS = 3000;

interface Sample {
  readonly timeMs: number;
  readonly bytes: number;
}

/** Measures the speed of a download, up to the moment of the query, so that a stall shows. */
export class DownloadMeter {
  #samples: readonly Sample[];
  #lastByteMs: number;

  constructor(nowMs: number) {
    this.#samples = [{ timeMs: nowMs, bytes: 0 }];
    this.#lastByteMs = nowMs;
  }

  /** Adds received bytes. */
  add(bytes: number, nowMs: number): void {
    if (bytes <= 0) return;
    this.#lastByteMs = nowMs;
    const before = this.#samples.at(-1)?.bytes ?? 0;
    this.#samples = [
      ...this.#samples.filter(({ timeMs }) => timeMs > nowMs - WINDOW_MS),
      { timeMs: nowMs, bytes: before + bytes },
    ];
  }

  /** Bytes per second over the last seconds; 0 during the first. */
  rate(nowMs: number): number {
    const recent = this.#samples.filter(({ timeMs }) => timeMs >= nowMs - WINDOW_MS);
    const [first] = recent;
    const last = recent.at(-1);
    if (first === undefined || last === undefined || nowMs - first.timeMs < LEAST_MS) return 0;
    return ((last.bytes - first.bytes) / (nowMs - first.timeMs)) * 1000;
  }

  /** Time since the last byte, if the download has stalled; otherwise undefined. */
  stalledMs(nowMs: number): number | undefined {
    const silentMs = nowMs - this.#lastByteMs;
    return silentMs >= STALL_MS ? silentMs : undefined;
  }
}
