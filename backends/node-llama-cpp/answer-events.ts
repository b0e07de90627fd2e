import type { GenerateRequest, GenerationEvent } from '../../src/backend/index.ts';
import { type ErrorCode, errorCodes, VserveError } from '../../src/errors/index.ts';
import type { NativeEvent } from './native-addon.ts';

export type NativeFinish = Extract<NativeEvent, { kind: 'finish' }>;

/** A request for several answers: each is drawn by itself, and behind one computation of the prompt. */
export type AnswersRequest = GenerateRequest & {
  /** Absent is 1. */
  readonly choices?: number;
};

/** An event of one of several answers. */
export type AnswerEvent = GenerationEvent & {
  /** Index of the answer; absent is 0. */
  readonly choice?: number;
};

/** What came of one answer. */
interface News {
  text: string;
  finish: NativeFinish | undefined;
}

/** Turns the engine's events of a request into those of its answers. */
export class AnswerEvents {
  /** Of each answer that is not finished: its tokens whose text was not emitted. */
  readonly #heldTokens = new Map<number, number>();
  readonly #onFinish: (finish: NativeFinish) => void;

  constructor(choices: number, onFinish: (finish: NativeFinish) => void) {
    for (let index = 0; index < choices; index++) this.#heldTokens.set(index, 0);
    this.#onFinish = onFinish;
  }

  get allFinished(): boolean {
    return this.#heldTokens.size === 0;
  }

  /** Merges all deltas of an answer into one. Throws what ended the request. */
  *take(events: readonly NativeEvent[]): Generator<AnswerEvent, void, undefined> {
    for (const [index, { text, finish }] of this.#newsOf(events)) {
      const choice = index === 0 ? {} : { choice: index };
      if (text !== '') {
        yield { type: 'text-delta', text, tokens: this.#heldTokens.get(index) ?? 0, ...choice };
        this.#heldTokens.set(index, 0);
      }
      if (finish === undefined) continue;
      this.#heldTokens.delete(index);
      this.#onFinish(finish);
      const { reason, promptTokens, cachedTokens, completionTokens, queueMs, prefillMs, decodeMs } = finish;
      yield {
        type: 'finish',
        reason,
        usage: { promptTokens, cachedTokens, completionTokens },
        timings: { queueMs, prefillMs, decodeMs },
        ...choice,
      };
    }
  }

  #newsOf(events: readonly NativeEvent[]): Map<number, News> {
    const all = new Map<number, News>();
    for (const event of events) {
      if (event.kind === 'failure') throw new VserveError(asErrorCode(event.code), event.text);
      const { index } = event;
      const news = all.get(index) ?? { text: '', finish: undefined };
      all.set(index, news);
      news.text += event.text;
      if (event.kind === 'finish') news.finish = event;
      else this.#heldTokens.set(index, (this.#heldTokens.get(index) ?? 0) + event.completionTokens);
    }
    return all;
  }
}

/** One of our codes. */
export function asErrorCode(code: string): ErrorCode {
  return code in errorCodes ? (code as ErrorCode) : 'generation_failed';
}
