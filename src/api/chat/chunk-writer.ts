import type { ChosenToken, GenerationEvent } from '../../backend/index.ts';
import { unfinished } from '../answer/collected-answer.ts';
import type { AnswerIdentity } from '../answer/identity.ts';
import type { ImageDetailsJson } from '../answer/image-details.ts';
import { imageDetailsJson } from '../answer/image-details.ts';
import { logProbsJson } from '../answer/log-probs.ts';
import { sseEvent } from '../answer/sse-event.ts';
import { usageSoFar } from '../answer/stream-usage.ts';
import { timingsJson, timingsOf } from '../answer/timings.ts';
import { sumOfUsage, usageJson } from '../answer/usage.ts';
import type { StreamWriter } from '../wire-format.ts';
import type { AnswerSettings } from './chat-request.ts';
import { finishReasonJson } from './completion.ts';

type EventOf<Type extends GenerationEvent['type']> = Extract<GenerationEvent, { readonly type: Type }>;
type DeltaEvent = EventOf<'text-delta' | 'reasoning-delta' | 'tool-call-delta'>;

const DONE = 'data: [DONE]\n\n';

/**
 * Writes OpenAI's `chat.completion.chunk`s: the role of each answer once the generation has started, its pieces as they
 * come, and its finish reason. A last chunk has the usage and no choices, where that is asked for; the others have null, or
 * the usage so far, as vLLM's `continuous_usage_stats` does. llama-server's timings, and what became of images where that is asked for, stand in the very last one. What is
 * the same in all of them is made into text once: this runs for every token.
 */
export class ChunkWriter implements StreamWriter {
  readonly #settings: AnswerSettings;
  readonly #head: string;
  readonly #noLogProbs: string;
  readonly #finishes: (EventOf<'finish'> | undefined)[];
  readonly #reports: boolean;
  readonly #imageDetails: boolean;
  #images: ImageDetailsJson[] = [];
  #unfinished: number;
  #promptTokens = 0;
  #completionTokens = 0;
  #prefilled = { cachedTokens: 0, prefillMs: 0 };
  #firstAt: number | undefined;

  constructor(
    { id, created, model, systemFingerprint }: AnswerIdentity,
    settings: AnswerSettings,
    imageDetails = false,
  ) {
    const common = { id, object: 'chat.completion.chunk', created, model, system_fingerprint: systemFingerprint };
    this.#settings = settings;
    this.#imageDetails = imageDetails;
    this.#head = `${JSON.stringify(common).slice(0, -1)},"choices":[`;
    this.#noLogProbs = ',"logprobs":null,"finish_reason":null}]';
    this.#reports = settings.streamUsage === 'every' || settings.timingsPerToken;
    this.#finishes = Array.from({ length: settings.choices }, () => undefined);
    this.#unfinished = settings.choices;
  }

  of(event: GenerationEvent): readonly string[] {
    return this.#chunks(event).map((json) => sseEvent(json));
  }

  end(): readonly string[] {
    if (this.#unfinished > 0) throw unfinished();
    return [DONE];
  }

  #chunks(event: GenerationEvent): string[] {
    switch (event.type) {
      case 'start':
        this.#promptTokens = event.promptTokens;
        return this.#finishes.flatMap((_, choice) => this.#opening(choice));
      case 'progress':
        return [this.#progress(event)];
      case 'prefilled':
        this.#prefilled = event;
        this.#images = imageDetailsJson(event.images ?? []);
        return [];
      case 'finish':
        return this.#finish(event);
      case 'text-delta':
      case 'reasoning-delta':
      case 'tool-call-delta':
        break;
    }
    return this.#delta(event);
  }

  /** The role, and the text that is continued. */
  #opening(choice: number): string[] {
    const role = this.#chunk(choice, '{"role":"assistant","content":""}', this.#noLogProbs);
    const { prefix } = this.#settings;
    if (prefix === '') return [role];
    return [role, this.#chunk(choice, `{"content":${JSON.stringify(prefix)}}`, this.#noLogProbs)];
  }

  #delta(event: DeltaEvent): string[] {
    this.#completionTokens += event.tokens;
    if (this.#reports) this.#firstAt ??= performance.now();
    const delta = this.#deltaJson(event);
    return delta === undefined ? [] : [this.#chunk(event.choice ?? 0, delta, this.#logProbs(event.logProbs))];
  }

  /** Undefined for what the request does not want to see. */
  #deltaJson(event: DeltaEvent): string | undefined {
    const { showsReasoning, usesFunctionCall } = this.#settings;
    switch (event.type) {
      case 'text-delta':
        return isEmpty(event) ? undefined : `{"content":${JSON.stringify(event.text)}}`;
      case 'reasoning-delta':
        if (!showsReasoning || isEmpty(event)) return undefined;
        return `{"reasoning_content":${JSON.stringify(event.text)}}`;
      case 'tool-call-delta':
        return usesFunctionCall ? functionCallJson(event) : toolCallJson(event);
    }
    return undefined;
  }

  #logProbs(tokens: readonly ChosenToken[] | undefined): string {
    if (tokens === undefined || !this.#settings.hasLogProbs) return this.#noLogProbs;
    return `,"logprobs":${JSON.stringify(logProbsJson(tokens))},"finish_reason":null}]`;
  }

  #chunk(choice: number, delta: string, rest: string): string {
    return `${this.#head}{"index":${String(choice)},"delta":${delta}${rest}${this.#report()}}`;
  }

  /** What stands beside the choices of every chunk but the last. */
  #report(): string {
    const { streamUsage, timingsPerToken } = this.#settings;
    const usage =
      streamUsage === 'none'
        ? ''
        : `,"usage":${streamUsage === 'every' ? usageSoFar(this.#promptTokens, this.#completionTokens) : 'null'}`;
    return timingsPerToken && this.#firstAt !== undefined
      ? `${usage},"timings":${this.#timingsSoFar(this.#firstAt)}`
      : usage;
  }

  #timingsSoFar(firstAt: number): string {
    return JSON.stringify(
      timingsJson({
        promptTokens: this.#promptTokens,
        ...this.#prefilled,
        completionTokens: this.#completionTokens,
        decodeMs: performance.now() - firstAt,
      }),
    );
  }

  #progress({ promptTokens, cachedTokens, doneTokens, ms }: EventOf<'progress'>): string {
    const progress = { total: promptTokens, cache: cachedTokens, processed: doneTokens, time_ms: ms };
    const chunk = this.#chunk(0, '{}', this.#noLogProbs);
    return `${chunk.slice(0, -1)},"prompt_progress":${JSON.stringify(progress)}}`;
  }

  #finish(event: EventOf<'finish'>): string[] {
    const choice = event.choice ?? 0;
    if (this.#finishes[choice] !== undefined) return [];
    this.#finishes[choice] = event;
    this.#unfinished -= 1;
    const reason = JSON.stringify(finishReasonJson(event.reason, this.#settings));
    const stoppedBy = event.stoppedBy === undefined ? '' : `,"stop_reason":${JSON.stringify(event.stoppedBy)}`;
    const end = `{"index":${String(choice)},"delta":{},"logprobs":null,"finish_reason":${reason}${stoppedBy}}]`;
    if (this.#unfinished > 0) return [`${this.#head}${end}${this.#report()}}`];
    return this.#endings(`${this.#head}${end}`);
  }

  /** The last chunk with a choice, and the usage. The very last has the timings. */
  #endings(end: string): string[] {
    const finishes = this.#finishes.filter((event) => event !== undefined);
    const images = this.#imageDetails ? `,"image_details":${JSON.stringify(this.#images)}` : '';
    const usage = sumOfUsage(finishes.map((event) => event.usage));
    const all = finishes.map(({ timings }) => timings);
    const timings = `,"timings":${JSON.stringify(timingsOf(usage, all))}${images}}`;
    if (this.#settings.streamUsage === 'none') return [`${end}${timings}`];
    this.#completionTokens = usage.completionTokens;
    return [`${end}${this.#report()}}`, `${this.#head}],"usage":${JSON.stringify(usageJson(usage))}${timings}`];
  }
}

/** Whether nothing is to be told: a token that is not shown has a log probability nevertheless. */
function isEmpty({ text, logProbs }: EventOf<'text-delta' | 'reasoning-delta'>): boolean {
  return text === '' && (logProbs ?? []).length === 0;
}

/** A call begins with its id and name; its further pieces have an index only. */
function toolCallJson({ index, call, arguments: text }: EventOf<'tool-call-delta'>): string {
  if (call === undefined) return JSON.stringify({ tool_calls: [{ index, function: { arguments: text } }] });
  const { id, name } = call;
  return JSON.stringify({ tool_calls: [{ index, id, type: 'function', function: { name, arguments: text } }] });
}

/** OpenAI's deprecated form has room for one call. */
function functionCallJson({ index, call, arguments: text }: EventOf<'tool-call-delta'>): string | undefined {
  if (index > 0) return undefined;
  return JSON.stringify({
    function_call: call === undefined ? { arguments: text } : { name: call.name, arguments: text },
  });
}
