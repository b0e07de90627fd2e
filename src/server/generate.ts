import { imageReferences, toGenerateRequest } from '../api/index.ts';
import type { ParsedRequest } from '../api/index.ts';
import type { Bitmap, GenerationEvent, LoadedModel } from '../backend/index.ts';
import { messageOf, VserveError } from '../errors/index.ts';
import type { MediaResolver, ResolveImage } from '../media/index.ts';
import type { Place, Places } from './admission.ts';
import { anonymous } from './client-path.ts';
import type { ClientPath } from './fair-turns.ts';
import type { GenerationObserver } from './metrics/generation-metrics.ts';
import type { Slots, SlotUser } from './slots.ts';
import type { GenerationTrace } from './traces/generation-trace.ts';
import type { RequestTrace } from './traces/request-trace.ts';

export interface GenerateOptions {
  readonly model: LoadedModel;
  readonly media: MediaResolver;
  readonly admission: Places;
  /** Follows the generation, where someone wants to know. */
  readonly slots?: Slots | undefined;
  readonly client: ClientPath;
  readonly signal: AbortSignal;
  /** Of the request, if it is traced. */
  readonly trace?: RequestTrace | undefined;
  /** Makes an observer of each generation. */
  readonly observe: () => GenerationObserver;
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

/** Not a generator function: every token comes through here, and those take several promises for each. */
class Generation implements AsyncIterableIterator<GenerationEvent, undefined, undefined> {
  readonly #request: ParsedRequest;
  readonly #options: GenerateOptions;
  readonly #observer: GenerationObserver;
  readonly #slot: SlotUser | undefined;
  readonly #trace: GenerationTrace | undefined;
  #place: Place | undefined;
  #events: AsyncIterator<GenerationEvent, unknown, undefined> | undefined;

  constructor(request: ParsedRequest, options: GenerateOptions) {
    this.#request = request;
    this.#options = options;
    this.#observer = options.observe();
    this.#slot = options.slots?.begin(request.maxTokens);
    this.#trace = options.trace?.generation(request);
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
    return result;
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
    const request = this.#request;
    const { model, media, client, signal, trace, onBodyUsed } = this.#options;
    let images: readonly Bitmap[] = [];
    if (imageReferences(request).length > 0) {
      this.#waited(await timed(place.toFetchImages(signal)), 'images');
      const resolve = media.forRequest((id) => model.encodedImage?.(id, request.cacheSalt));
      images = await fetchImages(request, resolve, signal, trace);
    }
    onBodyUsed();
    this.#waited(await timed(place.toGenerate(signal)), 'turn');
    const generateRequest = toGenerateRequest(request, model.info, images);
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

/** Fetches all images of a request concurrently. The first failure aborts the other fetches. */
export async function fetchImages(
  request: ParsedRequest,
  resolve: ResolveImage,
  signal: AbortSignal,
  trace?: RequestTrace,
): Promise<Bitmap[]> {
  const fetches = new AbortController();
  try {
    const fetchSignal = AbortSignal.any([signal, fetches.signal]);
    return await Promise.all(
      imageReferences(request).map(({ url, param }) =>
        resolve(url, { param, signal: fetchSignal, follow: trace?.followImage }),
      ),
    );
  } catch (error) {
    throw isOutOfDescriptors(error) ? tooManyOpenFiles(error) : error;
  } finally {
    fetches.abort();
  }
}

/** Whether an error was caused by too many open files in this process. */
function isOutOfDescriptors(error: unknown): boolean {
  // A worker thread that fails to start reports it only in its message.
  if (/\bE[MN]FILE\b/.test(messageOf(error))) return true;
  return error instanceof Error && error.cause !== undefined && isOutOfDescriptors(error.cause);
}

function tooManyOpenFiles(cause: unknown): VserveError {
  return new VserveError('at_capacity', 'The server has too many open files to fetch the images. Please retry later.', {
    cause,
    detail: 'raise the limit of open files (ulimit -n)',
  });
}
