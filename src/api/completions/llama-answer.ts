import type { ChosenToken, GenerationEvent, ImageReceipt, TokenUsage } from '../../backend/index.ts';
import { unfinished } from '../answer/collected-answer.ts';
import type { AnswerIdentity } from '../answer/identity.ts';
import type { ImageDetailsJson } from '../answer/image-details.ts';
import { imageDetailsJson } from '../answer/image-details.ts';
import type { TokenLogProbJson } from '../answer/log-probs.ts';
import { logProbsJson } from '../answer/log-probs.ts';
import { sseEvent } from '../answer/sse-event.ts';
import type { TimingsJson } from '../answer/timings.ts';
import { timingsJson } from '../answer/timings.ts';
import type { StreamWriter } from '../wire-format.ts';
import type { LlamaAnswerSettings, LlamaRequest } from './llama-request.ts';

type EventOf<Type extends GenerationEvent['type']> = Extract<GenerationEvent, { readonly type: Type }>;

/** A piece of an answer, in a stream. */
interface LlamaPiece {
  readonly index: number;
  readonly content: string;
  readonly tokens: readonly number[];
  readonly stop: false;
  readonly id_slot: -1;
  readonly tokens_predicted: number;
  readonly tokens_evaluated: number;
  readonly completion_probabilities?: readonly TokenLogProbJson[];
  readonly timings?: TimingsJson;
  readonly prompt_progress?: object;
}

/** A whole answer, or the end of a streamed one, which has no content. */
export interface LlamaAnswer {
  readonly index: number;
  readonly content: string;
  readonly tokens: readonly number[];
  /** Slots are not told apart here. */
  readonly id_slot: -1;
  readonly stop: true;
  readonly model: string;
  readonly tokens_predicted: number;
  readonly tokens_evaluated: number;
  readonly generation_settings: Readonly<Record<string, unknown>>;
  readonly prompt: string;
  readonly has_new_line: boolean;
  /** The context was full. */
  readonly truncated: boolean;
  readonly stop_type: 'eos' | 'word' | 'limit';
  readonly stopping_word: string;
  readonly tokens_cached: number;
  readonly timings: TimingsJson;
  readonly completion_probabilities?: readonly TokenLogProbJson[];
  /** Where they are asked for. */
  readonly image_details?: readonly ImageDetailsJson[];
}

/** What was told of one answer so far. */
interface Growing {
  content: string;
  readonly tokens: ChosenToken[];
  generated: number;
  hasNewLine: boolean;
  /** When its first piece came. */
  firstAt: number | undefined;
  end: EventOf<'finish'> | undefined;
}

/** What is known of a prompt so far. */
interface Prefilled {
  promptTokens: number;
  cachedTokens: number;
  prefillMs: number;
  images: readonly ImageReceipt[];
}

/** How a request is answered. */
type AskedLlamaAnswer = Pick<LlamaRequest, 'answer' | 'imageDetails'>;

/** The answers of a generation, as they grow. */
class LlamaAnswers {
  readonly #model: string;
  readonly #settings: LlamaAnswerSettings;
  readonly #imageDetails: boolean;
  readonly #answers: readonly Growing[];
  readonly #prompts: readonly Prefilled[];

  constructor({ model }: AnswerIdentity, { answer: settings, imageDetails = false }: AskedLlamaAnswer) {
    this.#model = model;
    this.#settings = settings;
    this.#imageDetails = imageDetails;
    const count = settings.choices * settings.promptTexts.length;
    this.#answers = Array.from({ length: count }, () => ({
      content: '',
      tokens: [],
      generated: 0,
      hasNewLine: false,
      firstAt: undefined,
      end: undefined,
    }));
    this.#prompts = settings.promptTexts.map(() => ({ promptTokens: 0, cachedTokens: 0, prefillMs: 0, images: [] }));
  }

  /** Takes an event, and returns its pieces. */
  take(event: GenerationEvent): readonly LlamaPiece[] {
    switch (event.type) {
      case 'start':
        this.#note(event.choice, { promptTokens: event.promptTokens });
        return [];
      case 'prefilled':
        this.#prefilled(event);
        return [];
      case 'progress':
        return [{ ...this.#piece(0, '', undefined), prompt_progress: progressJson(event) }];
      case 'text-delta':
        return this.#settings.hasLogProbs
          ? tokenByToken(event).flatMap((part) => this.#delta(part))
          : this.#delta(event);
      case 'finish': {
        const answer = this.#answers[event.choice ?? 0];
        if (answer !== undefined) answer.end = event;
        return [];
      }
      case 'reasoning-delta':
      case 'tool-call-delta':
        return [];
    }
    return [];
  }

  /** Of all answers, in order. Throws if one has not ended. */
  whole(): readonly Partial<LlamaAnswer>[] {
    return this.#answers.map((answer, index) => this.#told(answer, index, false));
  }

  /** The last piece of one. */
  ending(index: number): Partial<LlamaAnswer> {
    const answer = this.#answers[index];
    if (answer === undefined) throw unfinished();
    return this.#told(answer, index, true);
  }

  get count(): number {
    return this.#answers.length;
  }

  #note(choice = 0, known: Partial<Prefilled>): void {
    const prompt = this.#prompts[this.#promptOf(choice)];
    if (prompt !== undefined) Object.assign(prompt, known);
  }

  #prefilled({ choice, cachedTokens, prefillMs, images = [] }: EventOf<'prefilled'>): void {
    this.#note(choice, { cachedTokens, prefillMs, images });
  }

  #promptOf(choice: number): number {
    return Math.floor(choice / this.#settings.choices);
  }

  #delta({ choice = 0, text, tokens, logProbs = [] }: EventOf<'text-delta'>): readonly LlamaPiece[] {
    const answer = this.#answers[choice];
    if (answer === undefined || this.#settings.dropsAnswer) return [];
    answer.content += text;
    answer.generated += tokens;
    answer.hasNewLine ||= text.includes('\n');
    if (this.#settings.timingsPerToken) answer.firstAt ??= performance.now();
    answer.tokens.push(...logProbs);
    return text === '' && logProbs.length === 0 ? [] : [this.#piece(choice, text, logProbs)];
  }

  #piece(index: number, content: string, tokens: readonly ChosenToken[] | undefined): LlamaPiece {
    const { generated = 0, firstAt } = this.#answers[index] ?? {};
    const prompt = this.#prompts[this.#promptOf(index)];
    return {
      index,
      content,
      ...this.#tokensJson(tokens ?? []),
      stop: false,
      id_slot: -1,
      tokens_predicted: generated,
      tokens_evaluated: prompt?.promptTokens ?? 0,
      ...(prompt === undefined || firstAt === undefined ? {} : { timings: timingsSoFar(prompt, generated, firstAt) }),
    };
  }

  #tokensJson(tokens: readonly ChosenToken[]): Pick<LlamaPiece, 'tokens' | 'completion_probabilities'> {
    const { returnsTokens, hasLogProbs } = this.#settings;
    return {
      tokens: returnsTokens ? tokens.map(({ id }) => id) : [],
      ...(hasLogProbs ? { completion_probabilities: logProbsJson(tokens).content } : {}),
    };
  }

  #told(answer: Growing, index: number, isStreamed: boolean): Partial<LlamaAnswer> {
    const chosen = this.#chosen(this.#ended(answer, index, isStreamed));
    if (!this.#imageDetails) return chosen;
    return { ...chosen, image_details: imageDetailsJson(this.#prompts[this.#promptOf(index)]?.images ?? []) };
  }

  #ended({ content, tokens, hasNewLine, end }: Growing, index: number, isStreamed: boolean): LlamaAnswer {
    if (end === undefined) throw unfinished();
    const { params, promptTexts, dropsAnswer } = this.#settings;
    const usage: TokenUsage = dropsAnswer ? { ...end.usage, completionTokens: 0 } : end.usage;
    const { promptTokens, completionTokens } = usage;
    return {
      index,
      content: isStreamed ? '' : content,
      ...(isStreamed ? { tokens: [] } : this.#tokensJson(tokens)),
      id_slot: -1,
      stop: true,
      model: this.#model,
      tokens_predicted: completionTokens,
      tokens_evaluated: promptTokens,
      generation_settings: params,
      prompt: promptTexts[this.#promptOf(index)] ?? '',
      has_new_line: hasNewLine,
      truncated: end.reason === 'length' && !dropsAnswer && completionTokens < limitIn(params),
      stop_type: stopTypeOf(end),
      stopping_word: typeof end.stoppedBy === 'string' ? end.stoppedBy : '',
      tokens_cached: promptTokens + completionTokens,
      timings: timingsJson({ ...usage, ...end.timings }),
    };
  }

  /** A path such as `timings/prompt_n` names a field in an object. */
  #chosen(answer: LlamaAnswer): Partial<LlamaAnswer> {
    const { responseFields } = this.#settings;
    if (responseFields.length === 0) return answer;
    const found = responseFields.map((path) => [path, valueAt(answer, path.split('/'))] as const);
    return Object.fromEntries(found.filter(([, value]) => value !== undefined)) as Partial<LlamaAnswer>;
  }
}

/** Clients of llama-server look for the probabilities of one token in each piece, where tokens end with whole characters. */
function tokenByToken(event: EventOf<'text-delta'>): readonly EventOf<'text-delta'>[] {
  const { text, tokens, logProbs = [] } = event;
  if (logProbs.length !== tokens || logProbs.map((token) => token.text).join('') !== text) return [event];
  return logProbs.map((token) => ({ ...event, text: token.text, tokens: 1, logProbs: [token] }));
}

function timingsSoFar(prompt: Prefilled, completionTokens: number, firstAt: number): TimingsJson {
  return timingsJson({ ...prompt, completionTokens, decodeMs: performance.now() - firstAt });
}

function limitIn({ max_tokens: limit }: Readonly<Record<string, unknown>>): number {
  return typeof limit === 'number' && limit >= 0 ? limit : Infinity;
}

function stopTypeOf({ reason, stoppedBy }: EventOf<'finish'>): LlamaAnswer['stop_type'] {
  if (reason === 'length' || reason === 'repetition') return 'limit';
  return typeof stoppedBy === 'string' ? 'word' : 'eos';
}

function progressJson({ promptTokens, cachedTokens, doneTokens, ms }: EventOf<'progress'>): object {
  return { total: promptTokens, cache: cachedTokens, processed: doneTokens, time_ms: ms };
}

function valueAt(value: unknown, path: readonly string[]): unknown {
  const [name, ...rest] = path;
  if (name === undefined) return value;
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  return valueAt((value as Readonly<Record<string, unknown>>)[name], rest);
}

/** Collects a generation into the answer, or a list of the answers. Throws what the generation throws. */
export async function toLlamaAnswer(
  identity: AnswerIdentity,
  events: AsyncIterable<GenerationEvent>,
  asked: AskedLlamaAnswer,
): Promise<object> {
  const answers = new LlamaAnswers(identity, asked);
  for await (const event of events) answers.take(event);
  const whole = answers.whole();
  return whole.length === 1 && whole[0] !== undefined ? whole[0] : whole;
}

/** Writes llama-server's events: the pieces, and a last one for each answer. There is no `[DONE]`. */
export class LlamaWriter implements StreamWriter {
  readonly #answers: LlamaAnswers;
  readonly #ended = new Set<number>();

  constructor(identity: AnswerIdentity, asked: AskedLlamaAnswer) {
    this.#answers = new LlamaAnswers(identity, asked);
  }

  of(event: GenerationEvent): readonly string[] {
    const pieces = this.#answers.take(event);
    if (event.type === 'finish') {
      const index = event.choice ?? 0;
      if (this.#ended.has(index)) return [];
      this.#ended.add(index);
      return [sseEvent(JSON.stringify(this.#answers.ending(index)))];
    }
    return pieces.map((piece) => sseEvent(JSON.stringify(piece)));
  }

  end(): readonly string[] {
    if (this.#ended.size < this.#answers.count) throw unfinished();
    return [];
  }
}
