/**
 * Takes a stop string, and all that comes after it, out of a text that comes in pieces: MAX ends an answer with the token
 * that completes one, and leaves it in.
 */
export class StopFilter {
  readonly #stops: readonly string[];
  #held = '';
  #stoppedBy: string | undefined;

  constructor(stops: readonly string[]) {
    this.#stops = stops;
  }

  /** The stop string that has come. */
  get stoppedBy(): string | undefined {
    return this.#stoppedBy;
  }

  /** What can be told now: the beginning of a stop string is held back. */
  take(piece: string): string {
    if (this.#stops.length === 0) return piece;
    if (this.#stoppedBy !== undefined) return '';
    const text = this.#held + piece;
    const at = this.#find(text);
    if (at !== undefined) {
      this.#held = '';
      return text.slice(0, at);
    }
    const length = Math.max(...this.#stops.map((stop) => overlap(text, stop)));
    this.#held = text.slice(text.length - length);
    return text.slice(0, text.length - length);
  }

  /** What was held back, at the end. */
  rest(): string {
    const held = this.#held;
    this.#held = '';
    return held;
  }

  /** Where the first stop string begins. */
  #find(text: string): number | undefined {
    let first: number | undefined;
    for (const stop of this.#stops) {
      const at = text.indexOf(stop);
      if (at === -1 || (first !== undefined && at >= first)) continue;
      first = at;
      this.#stoppedBy = stop;
    }
    return first;
  }
}

/** How many of the last characters of a text may be the first of a stop string. */
function overlap(text: string, stop: string): number {
  let length = Math.min(text.length, stop.length - 1);
  while (length > 0 && !text.endsWith(stop.slice(0, length))) length -= 1;
  return length;
}
