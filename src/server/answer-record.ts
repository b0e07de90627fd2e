import type { Bitmap, GenerationEvent, ImageReceipt } from '../backend/index.ts';
import { imagesInLine, imagesInShort } from './images-in-short.ts';
import { counted } from '../formats/counted.ts';

/** What the log tells of the answers to a request, as a record of JSON has it. Times in milliseconds. */
export interface AnswerFields {
  readonly model?: string;
  readonly promptTokens?: number;
  readonly cachedTokens?: number;
  readonly images?: number;
  /** Those of `images` whose encoded form was cached. */
  readonly cachedImages?: number;
  /** What became of each, in short: once the prompt is computed. */
  readonly imagesInShort?: readonly string[];
  readonly completionTokens?: number;
  /** From the request to the first token. */
  readonly ttftMs?: number;
  /** After the first token, of all answers together. */
  readonly tokensPerSecond?: number;
  readonly finishReasons?: readonly string[];
}

/** Counts the answers to one request. */
export class AnswerRecord {
  readonly #receivedAtMs: number;
  #model: string | undefined;
  #promptTokens = 0;
  #cachedTokens = 0;
  #images = 0;
  #cachedImages = 0;
  #receipts: readonly ImageReceipt[] = [];
  #completionTokens = 0;
  #firstAtMs = 0;
  #lastAtMs = 0;
  /** As the backend has it: what it sends may arrive in one go where this thread was busy. */
  #decodeMs = 0;
  #answers = 0;
  readonly #reasons: string[] = [];

  /** `receivedAtMs` by `performance.now()`. */
  constructor(receivedAtMs: number) {
    this.#receivedAtMs = receivedAtMs;
  }

  /** The request has come to a model. */
  set model(name: string) {
    this.#model = name;
  }

  addImages(images: readonly Bitmap[]): void {
    this.#images += images.length;
    this.#cachedImages += images.filter(({ encoded }) => encoded !== undefined).length;
  }

  /** What became of them. */
  addReceipts(receipts: readonly ImageReceipt[]): void {
    this.#receipts = [...this.#receipts, ...receipts];
  }

  /** An observer of one of the request's generations, whose answers share a prompt. */
  begin(): (event: GenerationEvent) => void {
    /** Tokens by answer: until one has ended, those of its deltas. */
    const tokens: number[] = [];
    let cached = 0;
    const setTokens = (choice: number, count: number): void => {
      this.#completionTokens += count - (tokens[choice] ?? 0);
      tokens[choice] = count;
    };
    const setCached = (count: number): void => {
      this.#cachedTokens += count - cached;
      cached = count;
    };
    return (event) => {
      switch (event.type) {
        case 'start':
          this.#promptTokens += event.promptTokens;
          break;
        case 'progress':
          break;
        case 'prefilled':
          setCached(event.cachedTokens);
          break;
        case 'text-delta':
        case 'reasoning-delta':
        case 'tool-call-delta':
          this.#noteToken();
          setTokens(event.choice ?? 0, (tokens[event.choice ?? 0] ?? 0) + event.tokens);
          break;
        case 'finish':
          setCached(event.usage.cachedTokens);
          setTokens(event.choice ?? 0, event.usage.completionTokens);
          this.#decodeMs = Math.max(this.#decodeMs, event.timings.decodeMs);
          this.#answers += 1;
          this.#reasons.push(event.reason);
          break;
      }
    };
  }

  /** Only what is known: nothing of a request whose answer never began. */
  get fields(): AnswerFields {
    if (this.#model === undefined || this.#promptTokens === 0) return {};
    const rate = this.#tokensPerSecond;
    return {
      model: this.#model,
      promptTokens: this.#promptTokens,
      cachedTokens: this.#cachedTokens,
      ...(this.#images === 0 ? {} : { images: this.#images, cachedImages: this.#cachedImages }),
      ...(this.#receipts.length === 0 ? {} : { imagesInShort: imagesInShort(this.#receipts) }),
      completionTokens: this.#completionTokens,
      ...(this.#firstAtMs === 0 ? {} : { ttftMs: rounded(this.#firstAtMs - this.#receivedAtMs) }),
      ...(rate === undefined ? {} : { tokensPerSecond: rate }),
      ...(this.#reasons.length === 0 ? {} : { finishReasons: [...this.#reasons] }),
    };
  }

  /** The fields as the end of a line: `gemma-3-4b: prompt 412 tokens (256 cached), 2 images (1 cached: …), 300 tokens …`. */
  get text(): string {
    return answerText(this.fields, imagesInLine(this.#receipts));
  }

  get #tokensPerSecond(): number | undefined {
    const ms = this.#answers === 0 ? this.#lastAtMs - this.#firstAtMs : this.#decodeMs;
    const further = this.#completionTokens - Math.max(1, this.#answers);
    return further < 1 || ms <= 0 ? undefined : rounded((1000 * further) / ms);
  }

  #noteToken(): void {
    this.#lastAtMs = performance.now();
    if (this.#firstAtMs === 0) this.#firstAtMs = this.#lastAtMs;
  }
}

function answerText(fields: AnswerFields, imagesInShort: string): string {
  const { model, promptTokens = 0, cachedTokens = 0, images = 0, cachedImages = 0, completionTokens = 0 } = fields;
  if (model === undefined) return '';
  const { ttftMs, tokensPerSecond, finishReasons = [] } = fields;
  const parts = [
    `prompt ${counted(promptTokens, 'token')}${ofThem(cachedTokens)}`,
    ...(images === 0 ? [] : [`${counted(images, 'image')}${ofThem(cachedImages)}${inBrackets(imagesInShort)}`]),
    `answer ${counted(completionTokens, 'token')}`,
    ...(tokensPerSecond === undefined ? [] : [`${tokensPerSecond.toFixed(1)} tokens/s`]),
    ...(ttftMs === undefined ? [] : [`first after ${ttftMs.toFixed(1)} ms`]),
    ...new Set(finishReasons),
  ];
  return ` ${model}: ${parts.join(', ')}`;
}

function ofThem(cached: number): string {
  return cached === 0 ? '' : ` (${String(cached)} cached)`;
}

function inBrackets(text: string): string {
  return text === '' ? '' : ` [${text}]`;
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10;
}
