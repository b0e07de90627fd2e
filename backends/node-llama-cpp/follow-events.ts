import type { ChosenToken, GenerationEvent, TokenLogProb } from '../../src/backend/index.ts';
import { VserveError } from '../../src/errors/index.ts';
import type { EventChannel } from './event-channel.ts';
import type { NativeEvent, TokenLogit, TokenReport } from './native-addon.ts';
import { asErrorCode } from './native-errors.ts';

type NativeFinish = Extract<NativeEvent, { kind: 'finish' }>;

/** Gets the reports on all tokens of an answer, those that end it too. */
export type OnReports = (reports: readonly TokenReport[]) => void;

/** The events of a generation: all deltas since the last iteration become one. */
export async function* follow(
  channel: EventChannel<NativeEvent>,
  onReports?: OnReports,
): AsyncGenerator<GenerationEvent, void, undefined> {
  const delta = new Delta();
  for (;;) {
    for (const event of await channel.take()) {
      if (event.kind === 'failure') throw new VserveError(asErrorCode(event.code), event.text);
      if (event.kind === 'progress' || event.kind === 'prefilled') {
        yield promptEvent(event);
        continue;
      }
      delta.add(event);
      onReports?.(event.reports ?? []);
      if (event.kind === 'finish') {
        onReports?.(event.unshownReports);
        yield* delta.take(true);
        yield finishEvent(event);
        return;
      }
    }
    yield* delta.take(false);
  }
}

/** What was generated since the last event. */
class Delta {
  #text = '';
  #tokens = 0;
  #logProbs: ChosenToken[] = [];

  add(event: Extract<NativeEvent, { kind: 'delta' | 'finish' }>): void {
    this.#text += event.text;
    this.#tokens += event.kind === 'delta' ? event.completionTokens : 0;
    for (const report of event.reports ?? []) this.#logProbs.push(chosenToken(report));
  }

  /** The event, if there is text, or at the end another reason for one. */
  *take(isEnd: boolean): Generator<GenerationEvent, void, undefined> {
    if (this.#text === '' && !(isEnd && this.#logProbs.length > 0)) return;
    const logProbs = this.#logProbs.length > 0 ? { logProbs: this.#logProbs } : {};
    yield { type: 'text-delta', text: this.#text, tokens: this.#tokens, ...logProbs };
    this.#text = '';
    this.#tokens = 0;
    this.#logProbs = [];
  }
}

function promptEvent(event: Extract<NativeEvent, { kind: 'progress' | 'prefilled' }>): GenerationEvent {
  if (event.kind === 'prefilled') {
    const { cachedTokens, queueMs, prefillMs } = event;
    return { type: 'prefilled', cachedTokens, queueMs, prefillMs };
  }
  const { promptTokens, cachedTokens, doneTokens, ms } = event;
  return { type: 'progress', promptTokens, cachedTokens, doneTokens, ms };
}

function finishEvent(event: NativeFinish): GenerationEvent {
  const { reason, stoppedBy, promptTokens, cachedTokens, completionTokens, queueMs, prefillMs, decodeMs } = event;
  return {
    type: 'finish',
    reason,
    ...(stoppedBy === undefined ? {} : { stoppedBy }),
    usage: { promptTokens, cachedTokens, completionTokens },
    timings: { queueMs, prefillMs, decodeMs },
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
