/** A request that is being answered. */
export interface RunningRequestEntry {
  readonly requestId: string;
  /** `POST /v1/chat/completions` */
  readonly target: string;
  /** By `performance.now()`. */
  readonly receivedAtMs: number;
  /** How far its answer is. */
  readonly text: () => string;
}

/** The requests whose answers have not ended, for whoever asks what a server is doing. */
export class RunningRequests {
  readonly #entries = new Set<RunningRequestEntry>();

  /** Adds a request; returns what removes it. */
  add(entry: RunningRequestEntry): () => void {
    this.#entries.add(entry);
    return () => void this.#entries.delete(entry);
  }

  /** A line about each, the oldest first: `abc POST /v1/chat/completions for 2.1 s gemma-3-4b: prompt 412 tokens, …`. */
  get lines(): readonly string[] {
    return [...this.#entries].map(({ requestId, target, receivedAtMs, text }) => {
      const seconds = ((performance.now() - receivedAtMs) / 1000).toFixed(1);
      return `${requestId} ${target} for ${seconds} s${text()}`;
    });
  }
}
