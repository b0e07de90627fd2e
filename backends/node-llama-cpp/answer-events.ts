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

type NativeDelta = Exclude<NativeEvent, { readonly kind: 'finish' | 'failure' }>;

/** Deltas of one answer that are of one kind, or of one call, and follow one another. */
type Piece = Pick<NativeDelta, 'text'> & { readonly first: NativeDelta; tokens: number };

/** What came of one answer. */
interface News {
  readonly pieces: Piece[];
  finish: NativeFinish | undefined;
}

/** Turns the engine's events of a request into those of its answers. */
export class AnswerEvents {
  /** Of each answer that is not finished: its tokens that are behind no event yet. */
  readonly #heldTokens = new Map<number, number>();
  readonly #onFinish: (finish: NativeFinish) => void;

  constructor(choices: number, onFinish: (finish: NativeFinish) => void) {
    for (let index = 0; index < choices; index++) this.#heldTokens.set(index, 0);
    this.#onFinish = onFinish;
  }

  get allFinished(): boolean {
    return this.#heldTokens.size === 0;
  }

  /** Merges the deltas of an answer that belong together. Throws what ended the request. */
  *take(events: readonly NativeEvent[]): Generator<AnswerEvent, void, undefined> {
    for (const [index, { pieces, finish }] of this.#newsOf(events)) {
      const choice = index === 0 ? {} : { choice: index };
      for (const piece of pieces) {
        yield { ...deltaOf(piece, piece.tokens + (this.#heldTokens.get(index) ?? 0)), ...choice };
        this.#heldTokens.set(index, 0);
      }
      if (finish === undefined) continue;
      this.#heldTokens.delete(index);
      this.#onFinish(finish);
      yield { ...finishOf(finish), ...choice };
    }
  }

  #newsOf(events: readonly NativeEvent[]): Map<number, News> {
    const all = new Map<number, News>();
    for (const event of events) {
      if (event.kind === 'failure') throw new VserveError(asErrorCode(event.code), event.text);
      const { index } = event;
      const news = all.get(index) ?? { pieces: [], finish: undefined };
      all.set(index, news);
      if (event.kind === 'finish') {
        news.finish = event;
        this.#add(news.pieces, { kind: 'delta', id: event.id, index, text: event.text, completionTokens: 0 });
      } else this.#add(news.pieces, event);
    }
    return all;
  }

  #add(pieces: Piece[], event: NativeDelta): void {
    const last = pieces.at(-1);
    const isEmpty = event.text === '' && (event.kind !== 'call' || event.callName === '');
    if (last !== undefined && (isEmpty || goesOn(last.first, event))) {
      pieces[pieces.length - 1] = {
        ...last,
        text: last.text + event.text,
        tokens: last.tokens + event.completionTokens,
      };
    } else if (isEmpty) {
      this.#heldTokens.set(event.index, (this.#heldTokens.get(event.index) ?? 0) + event.completionTokens);
    } else {
      pieces.push({ text: event.text, first: event, tokens: event.completionTokens });
    }
  }
}

function goesOn(first: NativeDelta, next: NativeDelta): boolean {
  return first.kind === next.kind && (next.kind !== 'call' || (first.kind === 'call' && first.call === next.call));
}

function deltaOf({ first, text }: Piece, tokens: number): AnswerEvent {
  if (first.kind !== 'call') return { type: first.kind === 'delta' ? 'text-delta' : 'reasoning-delta', text, tokens };
  const { call: index, callId, callName } = first;
  const call = callName === '' ? {} : { call: { id: callId, name: callName } };
  return { type: 'tool-call-delta', index, ...call, arguments: text, tokens };
}

function finishOf(finish: NativeFinish): AnswerEvent {
  const { reason, promptTokens, cachedTokens, completionTokens, thoughtTokens, queueMs, prefillMs, decodeMs } = finish;
  const reasoning = thoughtTokens > 0 ? { reasoningTokens: thoughtTokens } : {};
  return {
    type: 'finish',
    reason,
    usage: { promptTokens, cachedTokens, completionTokens, ...reasoning },
    timings: { queueMs, prefillMs, decodeMs },
  };
}

/** One of our codes. */
export function asErrorCode(code: string): ErrorCode {
  return code in errorCodes ? (code as ErrorCode) : 'generation_failed';
}
