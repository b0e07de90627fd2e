import type { ChosenToken, GenerationEvent, TokenLogProb } from '../../src/backend/index.ts';
import { VserveError } from '../../src/errors/index.ts';
import type { NativeEvent, TokenLogit, TokenReport } from './native-addon.ts';
import { asErrorCode } from './native-errors.ts';

export type NativeFinish = Extract<NativeEvent, { kind: 'finish' }>;
type NativeAnswerEvent = Extract<NativeEvent, { kind: 'delta' | 'finish' }>;
type NativePromptEvent = Extract<NativeEvent, { kind: 'progress' | 'prefilled' }>;

/** What only tests and comparisons want to know. */
export interface AnswerObserver {
  /** Called with the reports on an answer's tokens in order, those that end it too. */
  onReports?(reports: readonly TokenReport[], choice: number): void;
  onFinish?(finish: NativeFinish): void;
}

/** Turns the engine's events of a request into those of its answers. */
export class AnswerEvents {
  /** Of each answer that is not finished. */
  readonly #deltas = new Map<number, Delta>();
  readonly #observer: AnswerObserver;

  constructor(choices: number, observer: AnswerObserver) {
    for (let index = 0; index < choices; index++) this.#deltas.set(index, new Delta(index));
    this.#observer = observer;
  }

  get allFinished(): boolean {
    return this.#deltas.size === 0;
  }

  /** Merges all deltas of an answer into one. Throws what ended the request. */
  *take(events: readonly NativeEvent[]): Generator<GenerationEvent, void, undefined> {
    for (const event of events) {
      if (event.kind === 'failure') throw new VserveError(asErrorCode(event.code), event.text);
      if (event.kind === 'progress' || event.kind === 'prefilled') yield promptEvent(event);
      else yield* this.#takeOne(event);
    }
    for (const delta of this.#deltas.values()) yield* delta.take(false);
  }

  *#takeOne(event: NativeAnswerEvent): Generator<GenerationEvent, void, undefined> {
    const { index } = event;
    const delta = this.#deltas.get(index);
    delta?.add(event);
    this.#observer.onReports?.(event.reports ?? [], index);
    if (event.kind !== 'finish') return;
    this.#deltas.delete(index);
    this.#observer.onReports?.(event.unshownReports, index);
    this.#observer.onFinish?.(event);
    if (delta !== undefined) yield* delta.take(true);
    yield finishEvent(event);
  }
}

/** What was generated of an answer since its last event. */
class Delta {
  readonly #choice: { readonly choice?: number };
  #text = '';
  #tokens = 0;
  #logProbs: ChosenToken[] = [];

  constructor(index: number) {
    this.#choice = choiceOf(index);
  }

  add(event: NativeAnswerEvent): void {
    this.#text += event.text;
    this.#tokens += event.kind === 'delta' ? event.completionTokens : 0;
    for (const report of event.reports ?? []) this.#logProbs.push(chosenToken(report));
  }

  /** The event, if there is text, or at the end tokens without. */
  *take(isEnd: boolean): Generator<GenerationEvent, void, undefined> {
    if (this.#text === '' && !(isEnd && this.#logProbs.length > 0)) return;
    const logProbs = this.#logProbs.length > 0 ? { logProbs: this.#logProbs } : {};
    yield { type: 'text-delta', text: this.#text, tokens: this.#tokens, ...logProbs, ...this.#choice };
    this.#text = '';
    this.#tokens = 0;
    this.#logProbs = [];
  }
}

function choiceOf(index: number): { readonly choice?: number } {
  return index === 0 ? {} : { choice: index };
}

function promptEvent(event: NativePromptEvent): GenerationEvent {
  if (event.kind === 'prefilled') {
    const { cachedTokens, queueMs, prefillMs } = event;
    return { type: 'prefilled', cachedTokens, queueMs, prefillMs };
  }
  const { promptTokens, cachedTokens, doneTokens, ms } = event;
  return { type: 'progress', promptTokens, cachedTokens, doneTokens, ms };
}

function finishEvent(event: NativeFinish): GenerationEvent {
  const { index, reason, stoppedBy } = event;
  const { promptTokens, cachedTokens, completionTokens, queueMs, prefillMs, decodeMs } = event;
  return {
    type: 'finish',
    reason,
    ...(stoppedBy === undefined ? {} : { stoppedBy }),
    usage: { promptTokens, cachedTokens, completionTokens },
    timings: { queueMs, prefillMs, decodeMs },
    ...choiceOf(index),
  };
}

function chosenToken(report: TokenReport): ChosenToken {
  return {
    ...logProbOf(report, report.logSum),
    likeliest: report.likeliest.map((token) => logProbOf(token, report.logSum)),
  };
}

function logProbOf({ token, logit, bytes }: TokenLogit, logSum: number): TokenLogProb {
  const buffer = Buffer.from(bytes, 'latin1');
  return { id: token, text: buffer.toString('utf8'), bytes: [...buffer], logProb: logit - logSum };
}
