import type { ChosenToken, GenerationEvent, PromptTokenLogProb, TokenLogProb } from '../../src/backend/index.ts';
import { VserveError } from '../../src/errors/index.ts';
import type { NativeEvent, PromptReport, TokenLogit, TokenReport } from './native-addon.ts';
import { asErrorCode } from './native-errors.ts';

export type NativeFinish = Extract<NativeEvent, { kind: 'finish' }>;
/** A piece of an answer: of its text, of its thoughts, or of a call. */
type NativePiece = Extract<NativeEvent, { kind: 'delta' | 'thought' | 'call' }>;
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

  /** Merges the pieces of an answer that belong together. Throws what ended the request. */
  *take(events: readonly NativeEvent[]): Generator<GenerationEvent, void, undefined> {
    for (const event of events) {
      if (event.kind === 'failure') throw new VserveError(asErrorCode(event.code), event.text);
      if (event.kind === 'progress' || event.kind === 'prefilled') yield promptEvent(event);
      else if (event.kind === 'finish') yield* this.#finish(event);
      else yield* this.#add(event);
    }
    for (const delta of this.#deltas.values()) yield* delta.take(false);
  }

  *#add(piece: NativePiece): Generator<GenerationEvent, void, undefined> {
    const delta = this.#deltas.get(piece.index);
    this.#observer.onReports?.(piece.reports ?? [], piece.index);
    if (delta?.goesOn(piece) === false) yield* delta.take(false);
    delta?.add(piece);
  }

  *#finish(finish: NativeFinish): Generator<GenerationEvent, void, undefined> {
    const { id, index, text, reports } = finish;
    const delta = this.#deltas.get(index);
    yield* this.#add({ kind: 'delta', id, index, text, completionTokens: 0, reports });
    this.#deltas.delete(index);
    this.#observer.onReports?.(finish.unshownReports, index);
    this.#observer.onFinish?.(finish);
    if (delta !== undefined) yield* delta.take(true);
    yield finishEvent(finish);
  }
}

/** What was generated of an answer since its last event. */
class Delta {
  readonly #choice: { readonly choice?: number };
  /** The first piece that has something to show. */
  #first: NativePiece | undefined;
  #text = '';
  #tokens = 0;
  #logProbs: ChosenToken[] = [];

  constructor(index: number) {
    this.#choice = choiceOf(index);
  }

  /** Whether a piece belongs to those before it. */
  goesOn(piece: NativePiece): boolean {
    const first = this.#first;
    if (first === undefined || isEmpty(piece)) return true;
    return first.kind === piece.kind && (piece.kind !== 'call' || (first.kind === 'call' && first.call === piece.call));
  }

  add(piece: NativePiece): void {
    if (!isEmpty(piece)) this.#first ??= piece;
    this.#text += piece.text;
    this.#tokens += piece.completionTokens;
    for (const report of piece.reports ?? []) this.#logProbs.push(chosenToken(report));
  }

  /** The event, if there is something to show, or at the end tokens without. */
  *take(isEnd: boolean): Generator<GenerationEvent, void, undefined> {
    if (this.#first === undefined && !(isEnd && this.#logProbs.length > 0)) return;
    const logProbs = this.#logProbs.length > 0 ? { logProbs: this.#logProbs } : {};
    yield { ...deltaEvent(this.#first, this.#text), tokens: this.#tokens, ...logProbs, ...this.#choice };
    this.#first = undefined;
    this.#text = '';
    this.#tokens = 0;
    this.#logProbs = [];
  }
}

function isEmpty(piece: NativePiece): boolean {
  return piece.text === '' && (piece.kind !== 'call' || piece.callName === '');
}

function deltaEvent(first: NativePiece | undefined, text: string) {
  if (first?.kind !== 'call') {
    return { type: first?.kind === 'thought' ? ('reasoning-delta' as const) : ('text-delta' as const), text };
  }
  const { call: index, callId, callName } = first;
  const call = callName === '' ? {} : { call: { id: callId, name: callName } };
  return { type: 'tool-call-delta' as const, index, ...call, arguments: text };
}

function choiceOf(index: number): { readonly choice?: number } {
  return index === 0 ? {} : { choice: index };
}

function promptEvent(event: NativePromptEvent): GenerationEvent {
  if (event.kind === 'prefilled') {
    const { cachedTokens, queueMs, prefillMs, promptReports } = event;
    const promptLogProbs = promptReports && { promptLogProbs: promptReports.map(promptToken) };
    return { type: 'prefilled', cachedTokens, queueMs, prefillMs, ...promptLogProbs };
  }
  const { promptTokens, cachedTokens, doneTokens, ms } = event;
  return { type: 'progress', promptTokens, cachedTokens, doneTokens, ms };
}

function finishEvent(event: NativeFinish): GenerationEvent {
  const { index, reason, stoppedBy } = event;
  const { promptTokens, cachedTokens, completionTokens, thoughtTokens, queueMs, prefillMs, decodeMs } = event;
  const reasoning = thoughtTokens > 0 ? { reasoningTokens: thoughtTokens } : {};
  return {
    type: 'finish',
    reason,
    ...(stoppedBy === undefined ? {} : { stoppedBy }),
    usage: { promptTokens, cachedTokens, completionTokens, ...reasoning },
    timings: { queueMs, prefillMs, decodeMs },
    ...choiceOf(index),
  };
}

function promptToken({ token, bytes, report }: PromptReport): PromptTokenLogProb {
  if (report !== undefined) return chosenToken(report);
  return { ...logProbOf({ token, logit: 0, bytes }, 0), logProb: undefined, likeliest: [] };
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
