/** The rate is that of so long. */
const WINDOW_MS = 5000;
/** A rate over less time than this says nothing. */
const LEAST_MS = 1000;
/** Without a byte for so long, a download has stalled. */
const STALL_MS = 3000;

interface Sample {
  readonly timeMs: number;
  readonly bytes: number;
}

/** Measures how fast a download goes. It counts the time until it is asked, so that a stall shows. */
export class DownloadMeter {
  #samples: readonly Sample[];
  #lastByteMs: number;

  constructor(nowMs: number) {
    this.#samples = [{ timeMs: nowMs, bytes: 0 }];
    this.#lastByteMs = nowMs;
  }

  /** Notes that `bytes` more have come. */
  add(bytes: number, nowMs: number): void {
    if (bytes <= 0) return;
    this.#lastByteMs = nowMs;
    const before = this.#samples.at(-1)?.bytes ?? 0;
    this.#samples = [
      ...this.#samples.filter(({ timeMs }) => timeMs > nowMs - WINDOW_MS),
      { timeMs: nowMs, bytes: before + bytes },
    ];
  }

  /** Bytes a second, over the last seconds; 0 in the first. */
  rate(nowMs: number): number {
    const recent = this.#samples.filter(({ timeMs }) => timeMs >= nowMs - WINDOW_MS);
    const [first] = recent;
    const last = recent.at(-1);
    if (first === undefined || last === undefined || nowMs - first.timeMs < LEAST_MS) return 0;
    return ((last.bytes - first.bytes) / (nowMs - first.timeMs)) * 1000;
  }

  /** How long nothing has come, once that is long; undefined otherwise. */
  stalledMs(nowMs: number): number | undefined {
    const silentMs = nowMs - this.#lastByteMs;
    return silentMs >= STALL_MS ? silentMs : undefined;
  }
}
