import type { ChosenToken, GenerationEvent, ToolCall } from '../../backend/index.ts';
import { unfinished } from '../answer/collected-answer.ts';
import { StreamImages } from '../answer/image-details.ts';
import type { StreamWriter } from '../wire-format.ts';
import { headJson } from './answer.ts';
import { timeNow } from './time-now.ts';
import { logProbsJson } from './log-probs.ts';
import { metricsJson } from './metrics.ts';
import type { Pieces, PiecesJson } from './pieces.ts';
import { toolCallJson } from './tool-calls.ts';

type EventOf<Type extends GenerationEvent['type']> = Extract<GenerationEvent, { readonly type: Type }>;

/** Where the text stands in the text of a line. */
const PLACE = JSON.stringify('{text}');

/**
 * Writes Ollama's streams: an object a line for each piece of text, of thinking, and for each whole call; the last one is
 * `done` and has the numbers, and what became of images where that is asked for. What is the same in all lines of text is written once: this runs for every token.
 */
export class LineWriter implements StreamWriter {
  readonly #model: string;
  readonly #toJson: PiecesJson;
  readonly #head: string;
  readonly #beforeText: string;
  readonly #afterText: string;
  readonly #images: StreamImages;
  #call: ToolCall | undefined;
  #calls = 0;
  /** Of tokens whose call is not written yet. */
  #logProbs: ChosenToken[] = [];
  #isFinished = false;

  constructor(model: string, toJson: PiecesJson, imageDetails = false) {
    this.#model = model;
    this.#toJson = toJson;
    this.#images = new StreamImages(imageDetails);
    this.#head = `{"model":${JSON.stringify(model)},"created_at":"`;
    const line = JSON.stringify({ ...toJson({ text: '{text}' }), done: false });
    const [before = '', after = ''] = line.slice(1).split(PLACE);
    this.#beforeText = `",${before}`;
    this.#afterText = `${after}\n`;
  }

  of(event: GenerationEvent): readonly string[] {
    switch (event.type) {
      case 'text-delta':
        if (this.#call === undefined && event.logProbs === undefined) return this.#text(event.text);
        return [...this.#endCall(), ...this.#piece({ text: event.text }, event.logProbs)];
      case 'reasoning-delta':
        return [...this.#endCall(), ...this.#piece({ thinking: event.text }, event.logProbs)];
      case 'tool-call-delta':
        return this.#addToCall(event);
      case 'finish':
        return this.#finish(event);
      case 'prefilled':
        this.#images.take(event);
        return [];
      case 'start':
      case 'progress':
        return [];
    }
    return [];
  }

  end(): readonly string[] {
    if (!this.#isFinished) throw unfinished();
    return [];
  }

  #text(text: string): string[] {
    if (text === '') return [];
    return [`${this.#head}${timeNow()}${this.#beforeText}${JSON.stringify(text)}${this.#afterText}`];
  }

  #addToCall({ call, arguments: text, logProbs = [] }: EventOf<'tool-call-delta'>): string[] {
    const lines = call === undefined ? [] : this.#endCall();
    if (call !== undefined) this.#call = { ...call, arguments: '' };
    if (this.#call === undefined) throw new Error('The backend went on with a tool call that it had not begun.');
    this.#call = { ...this.#call, arguments: this.#call.arguments + text };
    this.#logProbs.push(...logProbs);
    return lines;
  }

  /** Writes the call that is complete, if there is one. */
  #endCall(): string[] {
    if (this.#call === undefined) return [];
    const call = toolCallJson(this.#call, this.#calls);
    this.#call = undefined;
    if (call === undefined) return [];
    this.#calls += 1;
    return this.#piece({ calls: [call] }, this.#logProbs.splice(0));
  }

  #finish(event: EventOf<'finish'>): string[] {
    if (this.#isFinished) return [];
    this.#isFinished = true;
    const calls = this.#endCall();
    const numbers = { ...metricsJson(event), ...logProbsField(this.#logProbs), ...this.#images.fields };
    return [...calls, this.#line({}, { done: true, ...numbers })];
  }

  #piece(pieces: Pieces, logProbs: readonly ChosenToken[] = []): string[] {
    const isEmpty = pieces.text === '' || pieces.thinking === '';
    if (isEmpty && logProbs.length === 0) return [];
    return [this.#line(pieces, { done: false, ...logProbsField(logProbs) })];
  }

  #line(pieces: Pieces, rest: object): string {
    return `${JSON.stringify({ ...headJson(this.#model), ...this.#toJson(pieces), ...rest })}\n`;
  }
}

function logProbsField(tokens: readonly ChosenToken[]): object {
  return tokens.length === 0 ? {} : { logprobs: logProbsJson(tokens) };
}
