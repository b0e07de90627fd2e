import type {
  ChosenToken,
  GenerationEvent,
  ImageReceipt,
  PromptTokenLogProb,
  TokenLogProb,
} from '../../src/backend/index.ts';
import { VserveError } from '../../src/errors/index.ts';
import type { NativeEvent, NativeImageReport, PromptReport, TokenLogit, TokenReport } from './native-addon.ts';
import { asErrorCode } from './native-errors.ts';

export type NativeFinish = Extract<NativeEvent, { kind: 'finish' }>;
/** A piece of an answer: of its text, of its thoughts, or of a call. */
type NativePiece = Extract<NativeEvent, { kind: 'delta' | 'thought' | 'call' }>;
type NativePromptEvent = Extract<NativeEvent, { kind: 'progress' | 'prefilled' }>;
type DeltaType = 'text-delta' | 'reasoning-delta' | 'tool-call-delta';

/** What only tests and comparisons want to know. */
export interface AnswerObserver {
  /** Called with the reports on an answer's tokens in order, those that end it too. */
  onReports?(reports: readonly TokenReport[], choice: number): void;
  onFinish?(finish: NativeFinish): void;
}

const typeOfPiece = { delta: 'text-delta', thought: 'reasoning-delta', call: 'tool-call-delta' } as const;

/** Turns the engine's events of a request into those of its answers. Pieces that belong together are merged until they are taken. */
export class AnswerEvents {
  readonly #ready: GenerationEvent[] = [];
  /** Of each answer that is not finished. */
  readonly #deltas: (Delta | undefined)[];
  #unfinished: number;
  #failure: VserveError | undefined;
  #imageTokens: number | undefined;
  readonly #observer: AnswerObserver;

  constructor(choices: number, observer: AnswerObserver) {
    this.#deltas = Array.from({ length: choices }, (_, index) => new Delta(index));
    this.#unfinished = choices;
    this.#observer = observer;
  }

  /** Whether all events were taken. */
  get allTaken(): boolean {
    return this.#unfinished === 0 && this.#ready.length === 0;
  }

  /** The next event, if there is one. Throws what ended the request, after the events before it. */
  take(): GenerationEvent | undefined {
    const ready = this.#ready.shift();
    if (ready !== undefined) return ready;
    for (const delta of this.#deltas) {
      if (delta?.hasSomethingToShow === true) return delta.take();
    }
    if (this.#failure !== undefined) throw this.#failure;
    return undefined;
  }

  /** Adds a piece of the text or the thoughts of an answer. */
  addText(index: number, isThought: boolean, text: string, tokens: number): void {
    const delta = this.#deltas[index];
    if (delta === undefined) return;
    const type = isThought ? 'reasoning-delta' : 'text-delta';
    if (text !== '' && !delta.goesOn(type)) this.#ready.push(delta.take());
    delta.add(type, text, tokens);
  }

  add(event: NativeEvent): void {
    if (event.kind === 'failure') this.#failure = new VserveError(asErrorCode(event.code), event.text);
    else if (event.kind === 'progress' || event.kind === 'prefilled') this.#addPromptEvent(event);
    else if (event.kind === 'finish') this.#finish(event);
    else this.#add(event);
  }

  #addPromptEvent(event: NativePromptEvent): void {
    if (event.kind === 'prefilled') {
      this.#imageTokens = event.images?.reduce((sum, { tokens }) => sum + tokens, 0);
    }
    this.#ready.push(promptEvent(event));
  }

  #add(piece: NativePiece): void {
    const { index, text, completionTokens, reports = [] } = piece;
    this.#observer.onReports?.(reports, index);
    const delta = this.#deltas[index];
    if (delta === undefined) return;
    const type = typeOfPiece[piece.kind];
    const call = piece.kind === 'call' ? piece : undefined;
    const isEmpty = text === '' && (call === undefined || call.callName === '');
    if (!isEmpty && !delta.goesOn(type, call?.call)) this.#ready.push(delta.take());
    if (isEmpty) delta.add(type, '', completionTokens);
    else delta.add(type, text, completionTokens, call);
    delta.report(reports);
  }

  #finish(finish: NativeFinish): void {
    const { id, index, text, reports } = finish;
    this.#add({ kind: 'delta', id, index, text, completionTokens: 0, reports });
    this.#observer.onReports?.(finish.unshownReports, index);
    this.#observer.onFinish?.(finish);
    const delta = this.#deltas[index];
    if (delta === undefined) return;
    if (delta.hasSomethingToShow || delta.hasReports) this.#ready.push(delta.take());
    this.#ready.push(finishEvent(finish, this.#imageTokens));
    this.#deltas[index] = undefined;
    this.#unfinished -= 1;
  }
}

type NativeCall = Pick<Extract<NativeEvent, { kind: 'call' }>, 'call' | 'callId' | 'callName'>;

/** What was generated of an answer since its last event. */
class Delta {
  readonly #choice: number;
  /** Of the pieces that have something to show. */
  #type: DeltaType | undefined;
  /** The first of them, where they are of a call. */
  #call: NativeCall | undefined;
  #text = '';
  #tokens = 0;
  #logProbs: ChosenToken[] = [];

  constructor(index: number) {
    this.#choice = index;
  }

  get hasSomethingToShow(): boolean {
    return this.#type !== undefined;
  }

  get hasReports(): boolean {
    return this.#logProbs.length > 0;
  }

  /** Whether a piece that has something to show belongs to those before it. `call`: the index of its call. */
  goesOn(type: DeltaType, call?: number): boolean {
    return this.#type === undefined || (this.#type === type && this.#call?.call === call);
  }

  add(type: DeltaType, text: string, tokens: number, call?: NativeCall): void {
    this.#tokens += tokens;
    if (text === '' && call === undefined) return;
    if (this.#type === undefined) {
      this.#type = type;
      this.#call = call;
    }
    this.#text += text;
  }

  report(reports: readonly TokenReport[]): void {
    for (const report of reports) this.#logProbs.push(chosenToken(report));
  }

  take(): GenerationEvent {
    const event = deltaEvent(this.#type ?? 'text-delta', this.#text, this.#tokens, this.#call);
    const logProbs = this.hasReports ? { logProbs: this.#logProbs } : undefined;
    this.#type = undefined;
    this.#call = undefined;
    this.#text = '';
    this.#tokens = 0;
    if (logProbs !== undefined) this.#logProbs = [];
    return logProbs === undefined && this.#choice === 0 ? event : { ...event, ...logProbs, ...choiceOf(this.#choice) };
  }
}

function deltaEvent(type: DeltaType, text: string, tokens: number, call: NativeCall | undefined): GenerationEvent {
  if (type !== 'tool-call-delta') return { type, text, tokens };
  const { call: index = 0, callId = '', callName = '' } = call ?? {};
  const begins = callName === '' ? {} : { call: { id: callId, name: callName } };
  return { type, index, ...begins, arguments: text, tokens };
}

function choiceOf(index: number): { readonly choice?: number } {
  return index === 0 ? {} : { choice: index };
}

function promptEvent(event: NativePromptEvent): GenerationEvent {
  if (event.kind === 'prefilled') {
    const { cachedTokens, queueMs, prefillMs, encodeMs, images, promptReports } = event;
    const promptLogProbs = promptReports && { promptLogProbs: promptReports.map(promptToken) };
    const receipts = images && { images: images.map(receiptOf) };
    return { type: 'prefilled', cachedTokens, queueMs, prefillMs, encodeMs, ...receipts, ...promptLogProbs };
  }
  const { promptTokens, cachedTokens, doneTokens, ms } = event;
  return { type: 'progress', promptTokens, cachedTokens, doneTokens, ms };
}

function finishEvent(event: NativeFinish, imageTokens: number | undefined): GenerationEvent {
  const { index, reason, stoppedBy } = event;
  const { promptTokens, cachedTokens, completionTokens, thoughtTokens } = event;
  const { queueMs, prefillMs, encodeMs, decodeMs } = event;
  const images = imageTokens === undefined ? {} : { imageTokens };
  const reasoning = thoughtTokens > 0 ? { reasoningTokens: thoughtTokens } : {};
  return {
    type: 'finish',
    reason,
    ...(stoppedBy === undefined ? {} : { stoppedBy }),
    usage: { promptTokens, cachedTokens, completionTokens, ...images, ...reasoning },
    timings: { queueMs, prefillMs, encodeMs, decodeMs },
    ...choiceOf(index),
  };
}

function receiptOf({ width, height, ...report }: NativeImageReport): ImageReceipt {
  return width === 0 ? report : { seen: { width, height }, ...report };
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
