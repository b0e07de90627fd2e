import type { ChosenToken, GenerationEvent } from '../../backend/index.ts';
import { unfinished } from '../answer/collected-answer.ts';
import type { AnswerIdentity } from '../answer/identity.ts';
import { logProbsJson } from '../answer/log-probs.ts';
import { fieldsText } from '../answer/fields-text.ts';
import { RunningTimings } from '../answer/running-timings.ts';
import { sseEvent } from '../answer/sse-event.ts';
import { responsesErrorJson } from './errors.ts';
import type { StreamWriter } from '../wire-format.ts';
import { openedItemJson, outputItemJson, outputTextJson } from './item-json.ts';
import type { OutputItem, OutputListener } from './output.ts';
import { Output } from './output.ts';
import { customInput } from './custom-tool.ts';
import type { ResponseSettings } from './response-request.ts';
import type { ResponseJson } from './response-json.ts';
import { begunResponse, brokenResponse, endedResponse, responseError } from './response-json.ts';

type Progress = Extract<GenerationEvent, { readonly type: 'progress' }>;

/** The event of each piece of an item. The input of a custom tool is known only when its call is complete. */
const DELTAS: Readonly<Record<OutputItem['kind'], string>> = {
  message: 'response.output_text.delta',
  reasoning: 'response.reasoning_text.delta',
  function_call: 'response.function_call_arguments.delta',
  custom_tool_call: 'response.custom_tool_call_input.delta',
};
const SUMMARY_DELTA = 'response.reasoning_summary_text.delta';

/**
 * Writes a response as OpenAI's events, numbered from 0: the response is created and in progress; each item is added, grows
 * by deltas and is done, as are its parts; and the response ends with its output. What is the same in all deltas of an item
 * is made into text once: this runs for every token.
 */
export class EventWriter implements StreamWriter, OutputListener {
  readonly #identity: AnswerIdentity;
  readonly #settings: ResponseSettings;
  readonly #output: Output;
  readonly #onEnd: (response: ResponseJson) => void;
  readonly #running: RunningTimings;
  #response: ResponseJson;
  #texts: string[] = [];
  #sequenceNumber = 0;
  #isCreated = false;
  #deltaName = '';
  #deltaHead = '';

  /** `onEnd` gets the response that the generation ends with, before the last event is written. */
  constructor(identity: AnswerIdentity, settings: ResponseSettings, onEnd: (response: ResponseJson) => void) {
    this.#identity = identity;
    this.#settings = settings;
    this.#output = new Output(identity.id, settings, this);
    this.#onEnd = onEnd;
    this.#running = new RunningTimings(settings.timingsPerToken);
    this.#response = begunResponse(identity, settings, settings.background ? 'queued' : 'in_progress');
  }

  /** The response as it is. Its output is there when it has ended. */
  get response(): ResponseJson {
    return this.#response;
  }

  /** The events of a response that waits for its turn: nothing else is written for it before the generation starts. */
  queued(): readonly string[] {
    this.#create();
    this.#write('response.queued', { response: this.#response });
    return this.#taken();
  }

  of(event: GenerationEvent): readonly string[] {
    if (event.type === 'start') this.#start();
    else if (event.type === 'progress') this.#progress(event);
    this.#running.take(event);
    this.#output.take(event);
    if (event.type === 'finish') this.#finish();
    return this.#taken();
  }

  end(): readonly string[] {
    if (this.#output.end === undefined) throw unfinished();
    return [];
  }

  /** The events of a failure: the error, and the response with what there is of its output. */
  failure(error: unknown): readonly string[] {
    this.#create();
    this.#response = brokenResponse(this.#identity, this.#settings, this.#output, error);
    const { code, message } = responseError(error);
    this.#write('error', { code, message, param: responsesErrorJson(error).error.param });
    this.#write('response.failed', { response: this.#response });
    return this.#taken();
  }

  cancelled(): readonly string[] {
    this.#create();
    this.#response = brokenResponse(this.#identity, this.#settings, this.#output);
    this.#write('response.cancelled', { response: this.#response });
    return this.#taken();
  }

  opened(item: OutputItem): void {
    const { id, index, kind } = item;
    this.#write('response.output_item.added', { output_index: index, item: openedItemJson(item, this.#settings) });
    const place = this.#placeOf(item);
    const isSummary = kind === 'reasoning' && this.#settings.summarizesReasoning;
    this.#deltaName = isSummary ? SUMMARY_DELTA : DELTAS[kind];
    this.#deltaHead = `${JSON.stringify({ type: this.#deltaName, item_id: id, output_index: index, ...place }).slice(0, -1)},"delta":`;
    const opened = { ...item, text: '', logProbs: [] };
    if (kind === 'message') {
      this.#writeOf(item, 'response.content_part.added', { part: outputTextJson(opened, this.#settings) });
    } else if (isSummary) {
      this.#writeOf(item, 'response.reasoning_summary_part.added', { part: { type: 'summary_text', text: '' } });
    } else if (kind === 'reasoning') {
      this.#writeOf(item, 'response.content_part.added', { part: { type: 'reasoning_text', text: '' } });
    }
  }

  grown(item: OutputItem, text: string, logProbs: readonly ChosenToken[] | undefined): void {
    if (item.kind === 'custom_tool_call') return;
    this.#writeDelta(text, item.kind === 'message' ? `,"logprobs":${this.#logProbs(logProbs)}` : '');
  }

  closed(item: OutputItem): void {
    const { text } = item;
    switch (item.kind) {
      case 'message': {
        const part = outputTextJson(item, this.#settings);
        this.#writeOf(item, 'response.output_text.done', { text, logprobs: part.logprobs });
        this.#writeOf(item, 'response.content_part.done', { part });
        break;
      }
      case 'reasoning':
        this.#closeReasoning(item);
        break;
      case 'function_call':
        this.#writeOf(item, 'response.function_call_arguments.done', { name: item.call?.name, arguments: text });
        break;
      case 'custom_tool_call': {
        const input = customInput(text);
        if (input !== '') this.#writeDelta(input, '');
        this.#writeOf(item, 'response.custom_tool_call_input.done', { input });
        break;
      }
    }
    const { index } = item;
    this.#write('response.output_item.done', { output_index: index, item: outputItemJson(item, this.#settings) });
  }

  #closeReasoning(item: OutputItem): void {
    const { text } = item;
    if (this.#settings.summarizesReasoning) {
      this.#writeOf(item, 'response.reasoning_summary_text.done', { text });
      this.#writeOf(item, 'response.reasoning_summary_part.done', { part: { type: 'summary_text', text } });
    } else {
      this.#writeOf(item, 'response.reasoning_text.done', { text });
      this.#writeOf(item, 'response.content_part.done', { part: { type: 'reasoning_text', text } });
    }
  }

  #create(): void {
    if (this.#isCreated) return;
    this.#isCreated = true;
    this.#write('response.created', { response: this.#response });
  }

  #start(): void {
    this.#create();
    this.#response = begunResponse(this.#identity, this.#settings, 'in_progress');
    this.#write('response.in_progress', { response: this.#response });
  }

  /** llama-server's report of it. */
  #progress(event: Progress): void {
    const { promptTokens, cachedTokens, doneTokens, ms } = event;
    this.#write('response.in_progress', {
      response: this.#response,
      prompt_progress: { total: promptTokens, cache: cachedTokens, processed: doneTokens, time_ms: ms },
      ...this.#running.ofProgress(event),
    });
  }

  #finish(): void {
    const now = Math.floor(Date.now() / 1000);
    this.#response = endedResponse(this.#identity, this.#settings, this.#output, now);
    this.#onEnd(this.#response);
    const { status, timings } = this.#response;
    // llama-server has the timings beside the response.
    this.#write(`response.${status}`, { response: this.#response, timings });
  }

  #logProbs(tokens: readonly ChosenToken[] | undefined): string {
    return tokens === undefined || !this.#settings.hasLogProbs ? '[]' : JSON.stringify(logProbsJson(tokens).content);
  }

  #placeOf({ kind }: OutputItem): object {
    if (kind === 'message') return { content_index: 0 };
    if (kind !== 'reasoning') return {};
    return this.#settings.summarizesReasoning ? { summary_index: 0 } : { content_index: 0 };
  }

  #writeOf(item: OutputItem, type: string, fields: object): void {
    this.#write(type, { item_id: item.id, output_index: item.index, ...this.#placeOf(item), ...fields });
  }

  #write(type: string, fields: object): void {
    this.#texts.push(sseEvent(JSON.stringify({ type, sequence_number: this.#sequenceNumber++, ...fields }), type));
  }

  #writeDelta(text: string, rest: string): void {
    const number = `,"sequence_number":${String(this.#sequenceNumber++)}`;
    const json = `${this.#deltaHead}${JSON.stringify(text)}${rest}${number}${fieldsText(this.#running.fields)}}`;
    this.#texts.push(sseEvent(json, this.#deltaName));
  }

  #taken(): readonly string[] {
    const texts = this.#texts;
    this.#texts = [];
    return texts;
  }
}
