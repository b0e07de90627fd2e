/** llama-server repeats a turn that it continues at the head of the answer: this takes it away, in pieces of any size. */
export class ContinuedPrefix {
  #left: string;

  constructor(prefix: string) {
    this.#left = prefix;
  }

  /** What of a piece of the answer is new. */
  strip(piece: string): string {
    if (this.#left === '') return piece;
    const length = Math.min(piece.length, this.#left.length);
    if (piece.slice(0, length) === this.#left.slice(0, length)) {
      this.#left = this.#left.slice(length);
      return piece.slice(length);
    }
    this.#left = '';
    return piece;
  }
}
