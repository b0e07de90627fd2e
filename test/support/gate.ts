/** A promise that a test opens. */
export class Gate {
  #resolve: (() => void) | undefined;
  readonly opened = new Promise<void>((resolve) => {
    this.#resolve = resolve;
  });

  open(): void {
    this.#resolve?.();
  }
}
