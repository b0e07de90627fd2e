import type { Attributes } from '@opentelemetry/api';
import type { ParsedRequest } from '../../api/index.ts';
import type { GenerationEvent, GenerationTimings } from '../../backend/index.ts';
import type { TraceOfRequest } from './trace-of-request.ts';

type PromptTimings = Pick<GenerationTimings, 'queueMs' | 'prefillMs' | 'encodeMs'>;

/** Makes the spans of one generation from what it sees of it. */
export class GenerationTrace {
  readonly #trace: TraceOfRequest;
  readonly #release: () => void;
  #askedAtMs: number | undefined;
  #startedAtMs: number | undefined;
  #firstTokenAtMs: number | undefined;
  #isPromptTold = false;
  #decodeMs: number | undefined;
  #finished = 0;
  #isEnded = false;

  constructor(trace: TraceOfRequest, request: ParsedRequest) {
    this.#trace = trace;
    this.#release = trace.hold();
    trace.set(attributesOf(request));
  }

  /** It has waited until now: to fetch its images, or for its turn to generate. */
  onWaited(ms: number, waitedFor: 'images' | 'turn'): void {
    const toMs = performance.now();
    this.#trace.add({ name: 'queue', fromMs: toMs - ms, toMs, attributes: { 'vserve.waited_for': waitedFor } });
  }

  /** The backend is asked. */
  onAsked(): void {
    this.#askedAtMs = performance.now();
  }

  onEvent(event: GenerationEvent): void {
    switch (event.type) {
      case 'start':
        this.#start(event.promptTokens);
        break;
      case 'prefilled':
        this.#firstTokenAtMs = performance.now();
        this.#tellPrompt(event, this.#firstTokenAtMs);
        break;
      case 'progress':
        break;
      case 'finish':
        this.#finish(event);
        break;
      case 'text-delta':
      case 'reasoning-delta':
      case 'tool-call-delta':
        this.#firstTokenAtMs ??= performance.now();
        this.#trace.tally.noteToken(performance.now() - this.#trace.beganAtMs);
        break;
    }
  }

  /** It has ended, or failed. Further calls do nothing. */
  end(error?: unknown): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#tellLast(error);
    this.#release();
  }

  #start(promptTokens: number): void {
    this.#startedAtMs = performance.now();
    const attributes = { 'vserve.prompt_tokens': promptTokens };
    this.#trace.add({
      name: 'prompt',
      fromMs: this.#askedAtMs ?? this.#startedAtMs,
      toMs: this.#startedAtMs,
      attributes,
    });
  }

  #finish(event: Extract<GenerationEvent, { readonly type: 'finish' }>): void {
    this.#firstTokenAtMs ??= performance.now() - event.timings.decodeMs;
    this.#tellPrompt(event.timings, this.#firstTokenAtMs);
    this.#decodeMs = Math.max(this.#decodeMs ?? 0, event.timings.decodeMs);
    this.#trace.tally.add(event, this.#finished === 0);
    this.#finished += 1;
  }

  /** Places the times that the backend tells so that the prompt ends when the first token came. */
  #tellPrompt({ queueMs, prefillMs, encodeMs = 0 }: PromptTimings, toMs: number): void {
    if (this.#isPromptTold) return;
    this.#isPromptTold = true;
    const fromMs = Math.min(toMs, Math.max(toMs - prefillMs, this.#askedAtMs ?? 0));
    // A backend may count from when it was asked: what it does first is told as `prompt`.
    const waitedFromMs = Math.min(fromMs, Math.max(fromMs - queueMs, this.#startedAtMs ?? 0));
    const attributes = { 'vserve.waited_for': 'engine' };
    this.#trace.add({ name: 'queue', fromMs: waitedFromMs, toMs: fromMs, attributes });
    const encoding = { name: 'encode images', fromMs, toMs: Math.min(fromMs + encodeMs, toMs) };
    this.#trace.add({ name: 'prefill', fromMs, toMs, steps: encodeMs > 0 ? [encoding] : [] });
  }

  /** What ended with the generation. */
  #tellLast(error: unknown): void {
    const nowMs = performance.now();
    const last = (name: string, fromMs: number, toMs = nowMs): void => {
      this.#trace.add({ name, fromMs, toMs, error });
    };
    if (this.#firstTokenAtMs !== undefined) {
      const isWhole = error === undefined && this.#decodeMs !== undefined;
      const toMs = isWhole ? Math.min(this.#firstTokenAtMs + (this.#decodeMs ?? 0), nowMs) : nowMs;
      last('decode', this.#firstTokenAtMs, toMs);
    } else if (this.#startedAtMs !== undefined) last('prefill', this.#startedAtMs);
    else if (this.#askedAtMs !== undefined) last('prompt', this.#askedAtMs);
  }
}

function attributesOf({ prompt, maxTokens, choices, sampling }: ParsedRequest): Attributes {
  const attributes: Attributes = { 'gen_ai.operation.name': prompt === undefined ? 'chat' : 'text_completion' };
  if (maxTokens !== undefined) attributes['gen_ai.request.max_tokens'] = maxTokens;
  if (choices > 1) attributes['gen_ai.request.choice.count'] = choices;
  if (sampling.temperature !== undefined) attributes['gen_ai.request.temperature'] = sampling.temperature;
  if (sampling.topP !== undefined) attributes['gen_ai.request.top_p'] = sampling.topP;
  return attributes;
}
