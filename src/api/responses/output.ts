import type {
  ChosenToken,
  FinishReason,
  GenerationEvent,
  GenerationTimings,
  ImageReceipt,
  TokenUsage,
} from '../../backend/index.ts';
import { unfinished } from '../answer/collected-answer.ts';
import type { ResponseSettings } from './response-request.ts';
import type { CallForm } from './tools.ts';

export type ItemKind = 'message' | 'reasoning' | 'function_call' | 'custom_tool_call';

/** An item of the output, as far as it has come. */
export interface OutputItem {
  readonly id: string;
  readonly index: number;
  readonly kind: ItemKind;
  /** Of a call: its id, and how it is written. */
  readonly call: (CallForm & { readonly callId: string }) | undefined;
  /** The text, the thoughts, or the arguments. */
  text: string;
  readonly logProbs: ChosenToken[];
  isComplete: boolean;
}

/** The end of a generation. */
export interface OutputEnd {
  readonly reason: FinishReason;
  readonly usage: TokenUsage;
  readonly timings: GenerationTimings;
}

/** Is told of the items as they grow. */
export interface OutputListener {
  opened(item: OutputItem): void;
  grown(item: OutputItem, text: string, logProbs: readonly ChosenToken[] | undefined): void;
  closed(item: OutputItem): void;
}

const PREFIXES: Readonly<Record<ItemKind, string>> = {
  message: 'msg_',
  reasoning: 'rs_',
  function_call: 'fc_',
  custom_tool_call: 'ctc_',
};

/** The output of a response: one item after the other, each of one kind. */
export class Output {
  readonly items: OutputItem[] = [];
  /** Of the prompt, once it is computed. */
  images: readonly ImageReceipt[] = [];
  readonly #responseId: string;
  readonly #settings: ResponseSettings;
  readonly #listener: OutputListener | undefined;
  #open: OutputItem | undefined;
  #callIndex: number | undefined;
  #end: OutputEnd | undefined;

  constructor(responseId: string, settings: ResponseSettings, listener?: OutputListener) {
    this.#responseId = responseId;
    this.#settings = settings;
    this.#listener = listener;
  }

  /** Undefined while the generation goes on. */
  get end(): OutputEnd | undefined {
    return this.#end;
  }

  take(event: GenerationEvent): void {
    switch (event.type) {
      case 'text-delta':
        this.#grow('message', event.text, event.logProbs);
        break;
      case 'reasoning-delta':
        if (this.#settings.showsReasoning) this.#grow('reasoning', event.text, undefined);
        break;
      case 'tool-call-delta':
        this.#growCall(event);
        break;
      case 'finish':
        this.#finish(event);
        break;
      case 'prefilled':
        this.images = event.images ?? [];
        break;
      case 'start':
      case 'progress':
        break;
    }
  }

  #grow(kind: ItemKind, text: string, logProbs: readonly ChosenToken[] | undefined): void {
    // A token that is not shown has a log probability nevertheless.
    if (text === '' && (logProbs ?? []).length === 0) return;
    const item = this.#open?.kind === kind ? this.#open : this.#begin(kind);
    this.#append(item, text, logProbs);
  }

  #growCall({ index, call, arguments: text }: Extract<GenerationEvent, { readonly type: 'tool-call-delta' }>): void {
    if (call !== undefined) {
      const form = this.#settings.callForms.get(call.name) ?? {
        name: call.name,
        namespace: undefined,
        isCustom: false,
      };
      this.#begin(form.isCustom ? 'custom_tool_call' : 'function_call', { ...form, callId: call.id });
      this.#callIndex = index;
    }
    if (this.#open?.call === undefined || this.#callIndex !== index) {
      throw new Error('The backend went on with a tool call that it had not begun.');
    }
    if (text !== '') this.#append(this.#open, text, undefined);
  }

  #begin(kind: ItemKind, call?: OutputItem['call']): OutputItem {
    this.#close(true);
    const index = this.items.length;
    const item = {
      id: itemId(this.#responseId, kind, index),
      index,
      kind,
      call,
      text: '',
      logProbs: [],
      isComplete: false,
    };
    this.items.push(item);
    this.#open = item;
    this.#listener?.opened(item);
    return item;
  }

  #append(item: OutputItem, text: string, logProbs: readonly ChosenToken[] | undefined): void {
    item.text += text;
    if (logProbs !== undefined) item.logProbs.push(...logProbs);
    this.#listener?.grown(item, text, logProbs);
  }

  #close(isComplete: boolean): void {
    const item = this.#open;
    if (item === undefined) return;
    this.#open = undefined;
    item.isComplete = isComplete;
    this.#listener?.closed(item);
  }

  /** An answer without anything is an empty text. */
  #finish({ reason, usage, timings }: Extract<GenerationEvent, { readonly type: 'finish' }>): void {
    if (this.#end !== undefined) return;
    if (this.items.length === 0) this.#begin('message');
    this.#close(reason === 'stop' || reason === 'tool_calls');
    this.#end = { reason, usage, timings };
  }
}

/** Collects a generation. Throws what the generation throws. */
export async function collectOutput(
  responseId: string,
  settings: ResponseSettings,
  events: AsyncIterable<GenerationEvent>,
): Promise<Output> {
  const output = new Output(responseId, settings);
  for await (const event of events) output.take(event);
  if (output.end === undefined) throw unfinished();
  return output;
}

/** The id of an item: that of its response with another beginning, and a number. */
function itemId(responseId: string, kind: ItemKind, index: number): string {
  return `${PREFIXES[kind]}${responseId.replace(/^resp_/, '')}${String(index).padStart(3, '0')}`;
}
