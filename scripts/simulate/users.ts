import type { Random } from '../soak/random.ts';

/** A turn of a conversation, as a server sees it. */
export interface Turn {
  readonly conversation: number;
  /** Pictures of the conversation's first question. */
  readonly pictures: readonly number[];
  /** Tokens of the turns before, answers included; pictures not. */
  readonly historyTokens: number;
  readonly questionTokens: number;
  readonly answerTokens: number;
  /** Further turns of the conversation. */
  readonly turnsLeft: number;
}

export const meanTurns = 4;
export const meanAnswerTokens = 200;
const meanQuestionTokens = 150;
const thinkMs = 20_000;
/** The system's: a turn with more before it is a later one. */
export const firstHistoryTokens = 400;
/** Part of the conversations that begin with a picture. */
const withPicture = 0.3;
/** Part of the pictures that many people ask about, and how many of these there are. */
const popularPart = 0.5;
const popularPictures = 2000;
const firstOwnPicture = 1_000_000;

/** People who come, ask a few times, and leave. */
export class Users {
  readonly #random: Random;
  #conversations = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** The first turn of another user's conversation. */
  arrive(): Turn {
    this.#conversations += 1;
    const turns = 1 + Math.floor(this.#exponential(meanTurns - 1));
    return {
      conversation: this.#conversations,
      pictures: this.#random.chance(withPicture) ? [this.#picture()] : [],
      historyTokens: firstHistoryTokens,
      ...this.#tokens(),
      turnsLeft: turns - 1,
    };
  }

  /** The turn after one, and how long the user thinks before; undefined at the end. */
  next(turn: Turn): { readonly turn: Turn; readonly thinkMs: number } | undefined {
    if (turn.turnsLeft === 0) return undefined;
    const historyTokens = turn.historyTokens + turn.questionTokens + turn.answerTokens;
    return {
      turn: { ...turn, historyTokens, ...this.#tokens(), turnsLeft: turn.turnsLeft - 1 },
      thinkMs: this.#exponential(thinkMs),
    };
  }

  /** Between two who come at `perSecond`. */
  gapMs(perSecond: number): number {
    return this.#exponential(1000 / perSecond);
  }

  #tokens(): { readonly questionTokens: number; readonly answerTokens: number } {
    return {
      questionTokens: 1 + Math.floor(this.#exponential(meanQuestionTokens)),
      answerTokens: 1 + Math.floor(this.#exponential(meanAnswerTokens)),
    };
  }

  /** Of the popular ones, the k-th comes with a weight of 1 / k. */
  #picture(): number {
    if (!this.#random.chance(popularPart)) return firstOwnPicture + this.#conversations;
    return Math.floor(popularPictures ** this.#random.next());
  }

  #exponential(mean: number): number {
    return -mean * Math.log(1 - this.#random.next());
  }
}

/** What the affinity policy tells requests apart by: see `affinityKey` of the backend. */
export function keyOf({ conversation, pictures }: Turn): string {
  return pictures.length > 0 ? `pictures ${pictures.join(' ')}` : `conversation ${String(conversation)}`;
}
