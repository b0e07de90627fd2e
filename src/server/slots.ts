import type { RunningRequest } from '../api/index.ts';
import type { GenerationEvent } from '../backend/index.ts';

type Running = { -readonly [Key in keyof RunningRequest]: RunningRequest[Key] };

/** Follows one generation. */
export interface SlotUser {
  see(event: GenerationEvent): void;
  /** The generation has ended. Further calls do nothing. */
  end(): void;
}

/**
 * What each of the model's places is doing, for `/slots`. A request takes a place when its prompt is known, or, if it was
 * prepared ahead, when one becomes free.
 */
export class Slots {
  readonly #places: (Running | undefined)[];
  readonly #waiting: Running[] = [];
  #requests = 0;

  constructor(places: number) {
    this.#places = Array.from({ length: places }, () => undefined);
  }

  get places(): readonly (RunningRequest | undefined)[] {
    return this.#places;
  }

  /** Begins to follow a generation. */
  begin(maxTokens: number | undefined): SlotUser {
    const running: Running = {
      number: this.#requests++,
      promptTokens: 0,
      cachedTokens: 0,
      isPrefilled: false,
      completionTokens: 0,
      maxTokens,
    };
    return {
      see: (event) => {
        if (event.type === 'start') this.#enter(running, event.promptTokens);
        else update(running, event);
      },
      end: () => this.#leave(running),
    };
  }

  #enter(running: Running, promptTokens: number): void {
    running.promptTokens = promptTokens;
    const free = this.#places.indexOf(undefined);
    if (free === -1) this.#waiting.push(running);
    else this.#places[free] = running;
  }

  #leave(running: Running): void {
    const place = this.#places.indexOf(running);
    if (place !== -1) this.#places[place] = this.#waiting.shift();
    const waiting = this.#waiting.indexOf(running);
    if (waiting !== -1) this.#waiting.splice(waiting, 1);
  }
}

function update(running: Running, event: GenerationEvent): void {
  if (event.type === 'prefilled') {
    running.cachedTokens = event.cachedTokens;
    running.isPrefilled = true;
  } else if ('tokens' in event) {
    running.isPrefilled = true;
    running.completionTokens += event.tokens;
  }
}
