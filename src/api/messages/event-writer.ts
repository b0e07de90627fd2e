import type { GenerationEvent } from '../../backend/index.ts';
import { unfinished } from '../answer/collected-answer.ts';
import type { AnswerIdentity } from '../answer/identity.ts';
import { StreamImages } from '../answer/image-details.ts';
import { sseEvent } from '../answer/sse-event.ts';
import type { StreamWriter } from '../wire-format.ts';
import { deltaUsageJson, emptyMessage, endingJson, SIGNATURE, textBlock, toolUseBlock, usageJson } from './message.ts';
import type { MessageSettings } from './messages-request.ts';

type EventOf<Type extends GenerationEvent['type']> = Extract<GenerationEvent, { readonly type: Type }>;

/** Tells clients and proxies that a stream is alive. */
export const PING = sseEvent('{"type":"ping"}', 'ping');

/**
 * Writes Anthropic's events: the message without content once the generation has started, its blocks one after the other,
 * each begun, filled and ended before the next, then how the message ended and its usage. What the prompt has from the
 * cache is known at the end only, so the first usage counts all of it as input. What became of images, where that is asked
 * for, stands beside the last usage.
 */
export class EventWriter implements StreamWriter {
  readonly #identity: AnswerIdentity;
  readonly #settings: MessageSettings;
  readonly #images: StreamImages;
  /** Of the open block, or of the one before the next. */
  #index = -1;
  #open: 'thinking' | 'text' | 'tool_use' | undefined;
  /** What stands in each delta of the open block before its text. */
  #deltaHead = '';
  #isFinished = false;

  constructor(identity: AnswerIdentity, settings: MessageSettings, imageDetails = false) {
    this.#identity = identity;
    this.#settings = settings;
    this.#images = new StreamImages(imageDetails);
  }

  of(event: GenerationEvent): readonly string[] {
    switch (event.type) {
      case 'start':
        return [this.#start(event), PING];
      case 'text-delta':
        return event.text === '' ? [] : [...this.#opened('text'), this.#delta(event.text)];
      case 'reasoning-delta':
        return event.text === '' ? [] : this.#thinking(event.text);
      case 'tool-call-delta':
        return this.#toolCall(event);
      case 'finish':
        return this.#finish(event);
      case 'prefilled':
        this.#images.take(event);
        return [];
      case 'progress':
        return [];
    }
    return [];
  }

  end(): readonly string[] {
    if (!this.#isFinished) throw unfinished();
    return [named('message_stop', {})];
  }

  #start({ promptTokens }: EventOf<'start'>): string {
    const usage = usageJson({ promptTokens, cachedTokens: 0, completionTokens: 0 });
    return named('message_start', { message: { ...emptyMessage(this.#identity), usage } });
  }

  #thinking(text: string): string[] {
    const opening = this.#opened('thinking');
    return this.#settings.showsThinking ? [...opening, this.#delta(text)] : opening;
  }

  #toolCall({ call, arguments: text }: EventOf<'tool-call-delta'>): string[] {
    const opening = call === undefined ? [] : this.#begin('tool_use', toolUseBlock(call, {}), 'input_json');
    if (this.#open !== 'tool_use') throw new Error('The backend went on with a tool call that it had not begun.');
    return text === '' ? opening : [...opening, this.#delta(text)];
  }

  /** Begins a block of this type unless it is open. */
  #opened(type: 'thinking' | 'text'): string[] {
    if (this.#open === type) return [];
    return type === 'text'
      ? this.#begin(type, textBlock(''), type)
      : this.#begin(type, { type, thinking: '', signature: '' }, type);
  }

  #begin(type: 'thinking' | 'text' | 'tool_use', block: object, delta: 'thinking' | 'text' | 'input_json'): string[] {
    const ending = this.#close();
    this.#index += 1;
    this.#open = type;
    const key = delta === 'input_json' ? 'partial_json' : delta;
    this.#deltaHead = `event: content_block_delta\ndata: {"type":"content_block_delta","index":${String(this.#index)},"delta":{"type":"${delta}_delta","${key}":`;
    return [...ending, named('content_block_start', { index: this.#index, content_block: block })];
  }

  /** This runs for every token. */
  #delta(text: string): string {
    return `${this.#deltaHead}${JSON.stringify(text)}}}\n\n`;
  }

  #close(): string[] {
    if (this.#open === undefined) return [];
    const index = this.#index;
    const stop = named('content_block_stop', { index });
    const isThinking = this.#open === 'thinking';
    this.#open = undefined;
    if (!isThinking) return [stop];
    const delta = { type: 'signature_delta', signature: SIGNATURE };
    return [named('content_block_delta', { index, delta }), stop];
  }

  #finish(event: EventOf<'finish'>): string[] {
    if (this.#isFinished) return [];
    this.#isFinished = true;
    const { reason, stoppedBy, usage } = event;
    const delta = { ...endingJson({ reason, stoppedBy, usage }, this.#settings), container: null };
    return [...this.#close(), named('message_delta', { delta, usage: deltaUsageJson(usage), ...this.#images.fields })];
  }
}

function named(type: string, fields: object): string {
  return sseEvent(JSON.stringify({ type, ...fields }), type);
}
