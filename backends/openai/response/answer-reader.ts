import type { ChosenToken, FinishReason, GenerationEvent, TokenUsage } from '../../../src/backend/index.ts';
import type { ChoiceJson, ChunkJson, DeltaJson, ProgressJson, UsageJson } from './chunk-json.ts';
import { ContinuedPrefix } from './continued-prefix.ts';
import { chosenTokens } from './log-probs.ts';
import { StopFilter } from './stop-filter.ts';
import { ToolCalls } from './tool-calls.ts';

export interface AnswerReaderOptions {
  readonly choices: number;
  /** Whether log probabilities were asked for. */
  readonly hasLogProbs: boolean;
  /** Whether progress is to be reported: upstreams are asked for it also for the number of prompt tokens. */
  readonly reportsProgress: boolean;
  /** What the upstream repeats at the head of each answer. */
  readonly repeated: string;
  /** Stop strings that the upstream leaves in its answers. */
  readonly cutAt: readonly string[];
  /** From the request to the backend until it was sent, in milliseconds. */
  readonly queueMs: number;
}

/** One of the answers. */
class Answer {
  readonly calls = new ToolCalls();
  readonly prefix: ContinuedPrefix;
  readonly stops: StopFilter;
  tokens = 0;
  finish: { readonly reason: FinishReason; readonly stoppedBy: string | number | undefined } | undefined;

  constructor({ repeated, cutAt }: AnswerReaderOptions) {
    this.prefix = new ContinuedPrefix(repeated);
    this.stops = new StopFilter(cutAt);
  }
}

/**
 * Turns the chunks of an upstream, chats or text completions, into events. The `finish` events come at the end, as the usage
 * does.
 */
export class AnswerReader {
  readonly #options: AnswerReaderOptions;
  readonly #answers: readonly Answer[];
  readonly #sentAtMs = performance.now();
  #firstAtMs: number | undefined;
  #lastAtMs = 0;
  #hasStarted = false;
  #usage: UsageJson | undefined;

  constructor(options: AnswerReaderOptions) {
    this.#options = options;
    this.#answers = Array.from({ length: options.choices }, () => new Answer(options));
  }

  /** Whether every answer has ended. */
  get isFinished(): boolean {
    return this.#answers.every(({ finish }) => finish !== undefined);
  }

  /** Adds the events of a chunk. */
  read({ choices, usage, prompt_progress: progress }: ChunkJson, events: GenerationEvent[]): void {
    const told = events.length;
    if (usage !== undefined && usage !== null) this.#usage = usage;
    if (progress !== undefined && progress !== null && this.#options.reportsProgress)
      events.push(progressEvent(progress));
    for (const choice of choices ?? []) this.#readChoice(choice, events);
    if (this.#hasStarted) return;
    const promptTokens = progress?.total ?? this.#usage?.prompt_tokens;
    // The role alone tells nothing: what comes next may tell the number of tokens.
    if (promptTokens !== undefined || events.length > told || this.isFinished) this.#start(promptTokens, told, events);
  }

  /** Adds what closes the answers. False if one of them has not ended. */
  end(events: GenerationEvent[]): boolean {
    if (!this.isFinished) return false;
    const usages = this.#usages();
    for (const [index, { finish }] of this.#answers.entries()) {
      const usage = usages[index];
      if (finish === undefined || usage === undefined) continue;
      const { reason, stoppedBy } = finish;
      events.push({
        type: 'finish',
        ...choiceOf(index),
        reason,
        ...(stoppedBy === undefined ? {} : { stoppedBy }),
        usage,
        timings: this.#timings(),
      });
    }
    return true;
  }

  /** Comes before the events that a chunk has added from `at` on. */
  #start(promptTokens: number | undefined, at: number, events: GenerationEvent[]): void {
    this.#hasStarted = true;
    events.splice(at, 0, { type: 'start', promptTokens: promptTokens ?? 0 });
  }

  #readChoice(choice: ChoiceJson, events: GenerationEvent[]): void {
    const { index = 0, delta, text, logprobs, finish_reason: reason } = choice;
    const answer = this.#answers[index];
    if (answer === undefined) return;
    const logProbs = this.#options.hasLogProbs ? chosenTokens(logprobs) : undefined;
    this.#readDelta(answer, index, delta ?? { content: text ?? '' }, logProbs, events);
    if (reason === undefined || reason === null || answer.finish !== undefined) return;
    const rest = answer.stops.rest();
    if (rest !== '') events.push({ type: 'text-delta', ...choiceOf(index), text: rest, tokens: 0 });
    const stoppedBy = answer.stops.stoppedBy ?? choice.stop_reason ?? choice.matched_stop ?? undefined;
    answer.finish = { reason: finishReason(reason, answer), stoppedBy };
  }

  /** A chunk has one of reasoning, text and calls as a rule; its tokens belong to the first. */
  #readDelta(
    answer: Answer,
    index: number,
    delta: DeltaJson,
    logProbs: readonly ChosenToken[] | undefined,
    events: GenerationEvent[],
  ): void {
    const before = events.length;
    const tokens = logProbs?.length ?? 1;
    let rest: { readonly tokens: number; readonly logProbs?: readonly ChosenToken[] } =
      logProbs === undefined ? { tokens } : { tokens, logProbs };
    const add = (event: GenerationEvent): void => {
      events.push(event);
      rest = { tokens: 0 };
    };
    const reasoning = delta.reasoning_content ?? delta.reasoning ?? '';
    if (reasoning !== '') add({ type: 'reasoning-delta', ...choiceOf(index), text: reasoning, ...rest });
    const told = answer.prefix.strip(delta.content ?? '');
    const content = answer.stops.take(told);
    // Tokens have their probabilities also where their text comes later, or not at all.
    const isSilent = delta.content === '' || content !== told;
    if (content !== '' || (logProbs !== undefined && logProbs.length > 0 && rest.tokens > 0 && isSilent)) {
      add({ type: 'text-delta', ...choiceOf(index), text: content, ...rest });
    }
    for (const [position, call] of (delta.tool_calls ?? []).entries()) {
      const event = answer.calls.read(call, position);
      if (event !== undefined) add({ ...event, ...choiceOf(index), ...rest });
    }
    if (events.length === before) return;
    answer.tokens += tokens;
    this.#lastAtMs = performance.now();
    this.#firstAtMs ??= this.#lastAtMs;
  }

  #usages(): TokenUsage[] {
    const { prompt_tokens: promptTokens = 0, completion_tokens: total } = this.#usage ?? {};
    const cachedTokens = this.#usage?.prompt_tokens_details?.cached_tokens ?? 0;
    const imageTokens = this.#usage?.prompt_tokens_details?.image_tokens;
    const reasoningTokens = this.#usage?.completion_tokens_details?.reasoning_tokens;
    const counted = this.#answers.reduce((sum, { tokens }) => sum + tokens, 0);
    return this.#answers.map(({ tokens }, index) => ({
      promptTokens,
      cachedTokens,
      ...(imageTokens === undefined ? {} : { imageTokens }),
      // Chunks are not tokens: what they leave open is the last answer's.
      completionTokens:
        index === this.#answers.length - 1 ? Math.max(0, (total ?? counted) - (counted - tokens)) : tokens,
      ...(reasoningTokens === undefined ? {} : { reasoningTokens: index === 0 ? reasoningTokens : 0 }),
    }));
  }

  #timings() {
    const firstAtMs = this.#firstAtMs ?? performance.now();
    return {
      queueMs: this.#options.queueMs,
      prefillMs: firstAtMs - this.#sentAtMs,
      decodeMs: Math.max(0, this.#lastAtMs - firstAtMs),
    };
  }
}

function choiceOf(index: number): { readonly choice?: number } {
  return index === 0 ? {} : { choice: index };
}

function progressEvent({ total = 0, cache = 0, processed = 0, time_ms: ms = 0 }: ProgressJson): GenerationEvent {
  return { type: 'progress', promptTokens: total, cachedTokens: cache, doneTokens: processed, ms };
}

/** Some servers say `stop` of an answer that ends in calls. */
function finishReason(reason: string, { calls }: Answer): FinishReason {
  if (reason === 'length' || reason === 'repetition') return reason;
  return calls.count > 0 ? 'tool_calls' : 'stop';
}
