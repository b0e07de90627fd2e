import type { GenerationEvent, GenerationTimings, PromptTokenLogProb, TokenUsage } from '../../backend/index.ts';
import { unfinished } from '../answer/collected-answer.ts';
import type { AnswerIdentity } from '../answer/identity.ts';
import { fieldsText } from '../answer/fields-text.ts';
import { StreamImages } from '../answer/image-details.ts';
import { RunningTimings } from '../answer/running-timings.ts';
import { sseEvent } from '../answer/sse-event.ts';
import type { StreamUsage } from '../answer/stream-usage.ts';
import { usageSoFar } from '../answer/stream-usage.ts';
import type { TimingsJson } from '../answer/timings.ts';
import { timingsOf } from '../answer/timings.ts';
import { usageJson } from '../answer/usage.ts';
import type { StreamWriter } from '../wire-format.ts';
import type { AnswerSettings } from './completion-request.ts';
import type { LogProbsJson } from './token-list.ts';
import { END_TOKEN, textOfTokens, TokenList } from './token-list.ts';
import { usageOfAll } from './usage.ts';

type EventOf<Type extends GenerationEvent['type']> = Extract<GenerationEvent, { readonly type: Type }>;

/** A piece of a choice. */
export interface TextPiece {
  readonly index: number;
  readonly text: string;
  readonly logprobs: LogProbsJson | null;
  readonly finish_reason: EventOf<'finish'>['reason'] | null;
  readonly stop_reason?: string | number;
}

/** What was told of one choice so far. */
class Choice {
  readonly tokens = new TokenList();
  reported = 0;
  usage: TokenUsage | undefined;
  timings: GenerationTimings | undefined;
}

/** Turns the events of a completion into the pieces of its choices: the echo of its prompt, its text, its end. */
export class TextPieces {
  readonly #settings: AnswerSettings;
  readonly #choices: readonly Choice[];

  constructor(settings: AnswerSettings) {
    this.#settings = settings;
    this.#choices = Array.from({ length: settings.choices * settings.echoes.length }, () => new Choice());
  }

  of(event: GenerationEvent): TextPiece[] {
    switch (event.type) {
      case 'start':
        return this.#echo(event.choice, undefined);
      case 'prefilled':
        return event.promptLogProbs === undefined ? [] : this.#echo(event.choice, event.promptLogProbs);
      case 'text-delta':
        return this.#delta(event);
      case 'finish':
        return [this.#finish(event)];
      case 'progress':
      case 'reasoning-delta':
      case 'tool-call-delta':
        return [];
    }
    return [];
  }

  /** Of all choices, once they have ended. */
  usage(): TokenUsage {
    const usages = this.#choices.map(({ usage }) => {
      if (usage === undefined) throw unfinished();
      return usage;
    });
    return usageOfAll(usages, this.#settings.choices);
  }

  /** The same. */
  timings(): TimingsJson {
    return timingsOf(
      this.usage(),
      this.#choices.flatMap(({ timings }) => timings ?? []),
    );
  }

  /** A prompt whose tokens were asked for is echoed when they are known, any other at once. */
  #echo(first = 0, tokens: readonly PromptTokenLogProb[] | undefined): TextPiece[] {
    const { choices, echoes, hasLogProbs } = this.#settings;
    const echo = echoes[Math.floor(first / choices)];
    const isAtOnce = echo !== 'tokens' && !hasLogProbs;
    if (echo === undefined || isAtOnce !== (tokens === undefined)) return [];
    const whole = textOfTokens(tokens ?? []);
    const text = echo === 'tokens' ? whole : echo.text;
    return Array.from({ length: choices }, (_, index) => {
      // What the model's prompts begin with is no part of the text that was sent.
      this.#choices[first + index]?.tokens.skip(whole.endsWith(text) ? whole.slice(0, -text.length || undefined) : '');
      return this.#piece(first + index, text, tokens);
    });
  }

  #delta({ choice = 0, text, logProbs }: EventOf<'text-delta'>): TextPiece[] {
    if (this.#settings.dropsAnswer || (text === '' && (logProbs ?? []).length === 0)) return [];
    const told = this.#choices[choice];
    if (told !== undefined) told.reported += logProbs?.length ?? 0;
    return [this.#piece(choice, text, logProbs)];
  }

  #finish({ choice = 0, reason, stoppedBy, usage, timings }: EventOf<'finish'>): TextPiece {
    const { dropsAnswer, hasLogProbs, echoes } = this.#settings;
    const told = this.#choices[choice];
    if (told !== undefined) {
      told.usage = dropsAnswer ? { ...usage, completionTokens: 0 } : usage;
      told.timings = timings;
    }
    // Who evaluates prompts tells the generated tokens from the prompt's by their number.
    const isEndMissing = !dropsAnswer && echoes[0] !== undefined && (told?.reported ?? 0) < usage.completionTokens;
    const piece = this.#piece(choice, '', hasLogProbs && isEndMissing ? [END_TOKEN] : undefined);
    const stopReason = stoppedBy === undefined || dropsAnswer ? {} : { stop_reason: stoppedBy };
    return { ...piece, finish_reason: dropsAnswer ? 'length' : reason, ...stopReason };
  }

  #piece(index: number, text: string, tokens: Parameters<TokenList['next']>[0] | undefined): TextPiece {
    const { hasLogProbs } = this.#settings;
    const logprobs = hasLogProbs && tokens !== undefined ? this.#choices[index]?.tokens.next(tokens) : undefined;
    return { index, text, logprobs: logprobs ?? null, finish_reason: null };
  }
}

/**
 * Writes OpenAI's `text_completion` chunks; a last one has the usage, where that is asked for; with vLLM's
 * `continuous_usage_stats` all have the usage so far. llama-server's timings, and what became of images where that is asked
 * for, stand in the very last one.
 */
export class TextWriter implements StreamWriter {
  readonly #pieces: TextPieces;
  readonly #head: string;
  readonly #streamUsage: StreamUsage;
  readonly #running: RunningTimings;
  readonly #images: StreamImages;
  /** Choices that have not ended. */
  #unfinished: number;
  #promptTokens = 0;
  /** Of each choice, so far. */
  readonly #completionTokens: number[] = [];

  constructor(
    { id, created, model, systemFingerprint }: AnswerIdentity,
    settings: AnswerSettings,
    imageDetails = false,
  ) {
    const common = { id, object: 'text_completion', created, model, system_fingerprint: systemFingerprint };
    this.#head = `${JSON.stringify(common).slice(0, -1)},"choices":[`;
    this.#pieces = new TextPieces(settings);
    this.#streamUsage = settings.streamUsage;
    this.#running = new RunningTimings(settings.timingsPerToken);
    this.#images = new StreamImages(imageDetails);
    this.#unfinished = settings.choices * settings.echoes.length;
  }

  of(event: GenerationEvent): readonly string[] {
    if (this.#streamUsage === 'every') this.#count(event);
    this.#images.take(event);
    this.#running.take(event);
    if (event.type === 'progress') return [this.#progress(event)];
    const pieces = this.#pieces.of(event);
    if (event.type === 'finish') this.#unfinished -= 1;
    const isLast = this.#unfinished === 0 && this.#streamUsage === 'none';
    const rest = this.#usage() + fieldsText(isLast ? this.#ending() : this.#running.fields);
    return pieces.map((piece) => this.#chunk(JSON.stringify(piece), rest));
  }

  end(): readonly string[] {
    const fields = { usage: usageJson(this.#pieces.usage()), ...this.#ending() };
    const last = this.#streamUsage === 'none' ? [] : [this.#chunk('', fieldsText(fields))];
    return [...last, 'data: [DONE]\n\n'];
  }

  #chunk(choice: string, rest: string): string {
    return sseEvent(`${this.#head}${choice}]${rest}}`);
  }

  /** llama-server's report of how much of a prompt is computed. */
  #progress({ promptTokens, cachedTokens, doneTokens, ms }: EventOf<'progress'>): string {
    const piece: TextPiece = { index: 0, text: '', logprobs: null, finish_reason: null };
    const progress = { total: promptTokens, cache: cachedTokens, processed: doneTokens, time_ms: ms };
    return this.#chunk(JSON.stringify(piece), this.#usage() + fieldsText({ prompt_progress: progress }));
  }

  /** What the very last chunk has besides. */
  #ending(): object {
    return { timings: this.#pieces.timings(), ...this.#images.fields };
  }

  #count(event: GenerationEvent): void {
    if (event.type === 'start') {
      this.#promptTokens += event.promptTokens;
    } else if (event.type === 'text-delta') {
      const { choice = 0, tokens } = event;
      this.#completionTokens[choice] = (this.#completionTokens[choice] ?? 0) + tokens;
    } else if (event.type === 'finish') {
      this.#completionTokens[event.choice ?? 0] = event.usage.completionTokens;
    }
  }

  /** What stands beside the choices of every chunk but the last. */
  #usage(): string {
    if (this.#streamUsage === 'none') return '';
    if (this.#streamUsage === 'last') return ',"usage":null';
    const completionTokens = this.#completionTokens.reduce((sum, tokens) => sum + tokens, 0);
    return `,"usage":${usageSoFar(this.#promptTokens, completionTokens)}`;
  }
}
