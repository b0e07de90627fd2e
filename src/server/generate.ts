import { createHash } from 'node:crypto';
import { imageReferences, mediaReferences, toGenerateRequest } from '../api/index.ts';
import type { ParsedRequest } from '../api/index.ts';
import type { Bitmap, GenerationEvent, ImageReceipt, LoadedModel } from '../backend/index.ts';
import type { FindEncoded, FollowStep, MediaResolver, ResolveImage } from '../media/index.ts';
import type { AnswerRecord } from './answer-record.ts';
import type { Place, Places } from './admission.ts';
import { anonymous } from './client-path.ts';
import type { ClientPath } from './fair-turns.ts';
import { fetchAll } from './fetch-all.ts';
import { ImageArrivals } from './image-arrivals.ts';
import type { GenerationObserver } from './metrics/generation-metrics.ts';
import { openMedia } from './open-media.ts';
import type { ServerSettings } from './server-settings.ts';
import type { Slots, SlotUser } from './slots.ts';
import type { GenerationTrace } from './traces/generation-trace.ts';
import { withTextBiases } from './text-biases.ts';
import type { RequestTrace } from './traces/request-trace.ts';

export interface GenerateOptions {
  readonly model: LoadedModel;
  readonly media: MediaResolver;
  readonly admission: Places;
  readonly settings: Pick<ServerSettings, 'maxImagesPerRequest'>;
  /** Follows the generation, where someone wants to know. */
  readonly slots?: Slots | undefined;
  readonly client: ClientPath;
  readonly signal: AbortSignal;
  /** Of the request, if it is traced. */
  readonly trace?: RequestTrace | undefined;
  /** Counts what the log tells of the request. */
  readonly record?: AnswerRecord | undefined;
  /** Makes an observer of each generation. */
  readonly observe: () => GenerationObserver;
  /** Told what became of the images of each prompt. */
  readonly onImages?: ((receipts: readonly ImageReceipt[]) => void) | undefined;
  /** Called once the request body is no longer needed. */
  readonly onBodyUsed: () => void;
}

/**
 * Fetches a request's images, waits for its turn, and generates. The place is free as soon as the backend is done. One
 * `next()` at a time.
 */
export function generate(request: ParsedRequest, options: GenerateOptions): Generation {
  return new Generation(request, options);
}

type Result = IteratorResult<GenerationEvent, undefined>;
type Resolve = (...given: Parameters<ResolveImage>) => Promise<Bitmap>;

/** Not a generator function: every token comes through here, and those take several promises for each. */
class Generation implements AsyncIterableIterator<GenerationEvent, undefined, undefined> {
  readonly #request: ParsedRequest;
  readonly #options: GenerateOptions;
  readonly #observer: GenerationObserver;
  readonly #slot: SlotUser | undefined;
  readonly #trace: GenerationTrace | undefined;
  readonly #arrivals: ImageArrivals;
  #images: readonly Bitmap[] = [];
  #imageParams: readonly string[] = [];
  readonly #count: ((event: GenerationEvent) => void) | undefined;
  #place: Place | undefined;
  #events: AsyncIterator<GenerationEvent, unknown, undefined> | undefined;

  constructor(request: ParsedRequest, options: GenerateOptions) {
    this.#request = request;
    this.#options = options;
    this.#observer = options.observe();
    this.#slot = options.slots?.begin(request.maxTokens);
    this.#trace = options.trace?.generation(request);
    this.#arrivals = new ImageArrivals(options.trace?.followImage);
    this.#count = options.record?.begin();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<Result> {
    return this.#events === undefined ? this.#open() : this.#events.next().then(this.#pass, this.#fail);
  }

  async return(): Promise<Result> {
    await this.#events?.return?.();
    return this.#end();
  }

  async #open(): Promise<Result> {
    const { admission, client } = this.#options;
    try {
      this.#place = admission.join(client);
      const events = await this.#inTurn(this.#place);
      this.#events = events[Symbol.asyncIterator]();
      return this.#pass(await this.#events.next());
    } catch (error) {
      return this.#fail(error);
    }
  }

  readonly #pass = (result: IteratorResult<GenerationEvent, unknown>): Result => {
    if (result.done === true) return this.#end();
    this.#observer.onEvent(result.value);
    this.#slot?.see(result.value);
    this.#trace?.onEvent(result.value);
    this.#count?.(result.value);
    if (result.value.type !== 'prefilled' || result.value.images === undefined) return result;
    const images = this.#arrivals.complete(result.value.images, this.#images, this.#imageParams);
    this.#options.record?.addReceipts(images);
    this.#options.onImages?.(images);
    return { done: false, value: { ...result.value, images } };
  };

  readonly #fail = (error: unknown): never => {
    this.#end(error);
    throw error;
  };

  #end(error?: unknown): Result {
    this.#place?.leave();
    this.#slot?.end();
    this.#trace?.end(error);
    return { done: true, value: undefined };
  }

  async #inTurn(place: Place): Promise<AsyncIterable<GenerationEvent>> {
    let request = this.#request;
    const { model, media, client, signal, settings, onBodyUsed } = this.#options;
    if (bringsImages(request)) {
      this.#waited(await timed(place.toFetchImages(signal)), 'images');
      const resolve = media.forRequest(encodedFinder(model, request), model.imagesAs !== undefined);
      const { maxImagesPerRequest } = settings;
      const { follow } = this.#arrivals;
      request = await openMedia(request, { model, resolve, maxImagesPerRequest, signal, follow });
      this.#images = await fetchImages(request, passing(model, resolve), signal, follow);
      this.#imageParams = imageReferences(request).map(({ param }) => param);
      this.#options.record?.addImages(this.#images);
    }
    onBodyUsed();
    this.#waited(await timed(place.toGenerate(signal)), 'turn');
    if (request.biasTexts !== undefined) request = await withTextBiases(request, model);
    const generateRequest = toGenerateRequest(request, model.info, this.#images);
    this.#trace?.onAsked();
    return model.generate({ ...generateRequest, client: anonymous(client) }, signal);
  }

  #waited(ms: number, waitedFor: 'images' | 'turn'): void {
    this.#observer.onWaited(ms);
    this.#trace?.onWaited(ms, waitedFor);
  }
}

/** How long a promise took to settle, in milliseconds. */
async function timed(waiting: Promise<void>): Promise<number> {
  const fromMs = performance.now();
  await waiting;
  return performance.now() - fromMs;
}

/** Whether a request has anything to fetch. */
export function bringsImages(request: ParsedRequest): boolean {
  return imageReferences(request).length > 0 || mediaReferences(request).length > 0;
}

/** Leaves pictures of the web to a model that fetches them itself. */
function passing({ imagesAs }: LoadedModel, resolve: ResolveImage): Resolve {
  if (imagesAs !== 'urls') return resolve;
  return async (source, options) => {
    if (typeof source !== 'string' || !/^https?:/i.test(source)) return resolve(source, options);
    const id = createHash('sha256').update(source).digest('hex');
    return { width: 0, height: 0, rgb: new Uint8Array(), id, url: source };
  };
}

/** Finds what the model has of an image that a request asks for. */
export function encodedFinder(model: LoadedModel, request: ParsedRequest): FindEncoded {
  const { cacheSalt, imageProcessor: processor } = request;
  return (image, budget) => model.encodedImage?.({ ...image, budget, processor }, cacheSalt);
}

/** Fetches all images of a request concurrently. The first failure aborts the other fetches. */
export async function fetchImages(
  request: ParsedRequest,
  resolve: Resolve,
  signal: AbortSignal,
  follow?: FollowStep,
): Promise<Bitmap[]> {
  return fetchAll(imageReferences(request), signal, async ({ url, param, budget, bitmap }, until) => {
    return bitmap ?? resolve(url, { param, budget, signal: until, follow });
  });
}
