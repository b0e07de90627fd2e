import type { GenerateRequest, GenerationEvent } from '../../src/backend/index.ts';
import type { ImageUris } from './images/image-uris.ts';
import { AnswerStream } from './response/answer-stream.ts';
import { responseFailure } from './response/error-response.ts';
import type { Exchange } from './response/exchange.ts';
import type { Upstream } from './upstream.ts';
import { connectionFailure, UpstreamFailure } from './upstream-failure.ts';
import type { UpstreamGroup, Use } from './upstream-group.ts';
import { UpstreamRequest } from './upstream-request.ts';

/** Of an error; longer ones are cut. */
const MAX_ERROR_CHARACTERS = 64 * 1024;

type Result = IteratorResult<GenerationEvent, undefined>;

/** A generation by one of the upstreams. Not a generator function: every token comes through here. */
export class UpstreamGeneration implements AsyncIterableIterator<GenerationEvent, undefined, undefined> {
  readonly #request: GenerateRequest;
  readonly #group: UpstreamGroup;
  readonly #images: ImageUris;
  readonly #signal: AbortSignal;
  readonly #beganAtMs = performance.now();
  readonly #onAbort = (): void => {
    this.#isAborted = true;
    this.#exchange?.abort(this.#signal.reason);
  };
  #use: Use | undefined;
  #exchange: Exchange | undefined;
  #stream: AnswerStream | undefined;
  #key = '';
  #hasText = false;
  /** What the signal says, which takes longer to ask. */
  #isAborted = false;

  constructor(request: GenerateRequest, group: UpstreamGroup, images: ImageUris, signal: AbortSignal) {
    this.#request = request;
    this.#group = group;
    this.#images = images;
    this.#signal = signal;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<Result> {
    if (this.#isAborted || this.#stream === undefined) return this.#begin();
    const event = this.#stream.take();
    return event === undefined ? this.#stream.next().then(this.#pass, this.#fail) : Promise.resolve(this.#pass(event));
  }

  /** Nobody wants the rest. */
  return(): Promise<Result> {
    this.#exchange?.abort(new Error('The answer was not read to its end.'));
    this.#end();
    return Promise.resolve({ done: true, value: undefined });
  }

  async #begin(): Promise<Result> {
    try {
      this.#stream ??= await this.#open();
      return this.#pass(await this.#stream.next());
    } catch (error) {
      return this.#fail(error);
    }
  }

  /** An event that has come, or the end. */
  readonly #pass = (event: GenerationEvent | undefined): Result => {
    if (this.#isAborted) return this.#fail(this.#signal.reason);
    if (event === undefined) {
      this.#use?.outcome.succeeded();
      this.#end();
      return { done: true, value: undefined };
    }
    if (!this.#hasText && event.type !== 'start' && event.type !== 'progress') this.#noteFirst();
    return { done: false, value: event };
  };

  readonly #fail = (error: unknown): never => {
    const told = this.#signal.aborted ? this.#signal.reason : this.#told(error);
    this.#exchange?.abort(told);
    this.#end();
    throw told;
  };

  /** Sends the request to one upstream after the other, until one has begun with it. */
  async #open(): Promise<AnswerStream> {
    const request = new UpstreamRequest(this.#request);
    request.requireSuited(this.#group.all);
    this.#key = request.affinityKey;
    const wish = { key: this.#key, suits: (upstream: Upstream) => request.suits(upstream) };
    const excluded = new Set<Upstream>();
    let last: UpstreamFailure | undefined;
    this.#signal.addEventListener('abort', this.#onAbort, { once: true });
    for (;;) {
      const use = await this.#take(wish, excluded, last);
      this.#use = use;
      try {
        return await this.#send(request, use);
      } catch (error) {
        this.#signal.throwIfAborted();
        if (!(error instanceof UpstreamFailure) || !error.mayRetry) throw error;
        last = error;
        excluded.add(use.upstream);
        this.#count(error);
        this.#use = undefined;
        use.release();
      }
    }
  }

  /** Where all have refused, the last refusal is what the client is told. */
  async #take(wish: Parameters<UpstreamGroup['take']>[0], excluded: ReadonlySet<Upstream>, last: Error | undefined) {
    try {
      return await this.#group.take(wish, excluded, this.#signal);
    } catch (error) {
      this.#use = undefined;
      throw this.#signal.aborted ? error : (last ?? error);
    }
  }

  async #send(request: UpstreamRequest, { upstream }: Use): Promise<AnswerStream> {
    const { path, body, repeated, cutAt } = await request.for(upstream, this.#images);
    this.#signal.throwIfAborted();
    const queueMs = performance.now() - this.#beganAtMs;
    const exchange = upstream.client.send('POST', path, body);
    this.#exchange = exchange;
    const head = await exchange.head.catch((cause: unknown) => {
      throw connectionFailure(cause, { isSent: exchange.isSent, upstream: upstream.id });
    });
    const source = { upstream: upstream.id, paramOf: (path: string) => request.paramOf(path) };
    if (head.status !== 200) {
      const text = await exchange.text(MAX_ERROR_CHARACTERS).catch(() => '');
      throw responseFailure({ ...head, text, body: parsed(text) }, source);
    }
    const { choices, logProbs, reportProgress: reportsProgress } = this.#request;
    const hasLogProbs = logProbs !== undefined;
    return new AnswerStream(exchange, source, { choices, hasLogProbs, reportsProgress, repeated, cutAt, queueMs });
  }

  #noteFirst(): void {
    this.#hasText = true;
    this.#use?.upstream.firstTokenTime.observe(performance.now() - this.#beganAtMs);
    if (this.#use?.isTrial === true) this.#use.outcome.succeeded();
  }

  #told(error: unknown): unknown {
    if (!(error instanceof UpstreamFailure)) return error;
    this.#count(error);
    return error.error;
  }

  /** A failure counts for the upstream that it came from, once. */
  #count(failure: UpstreamFailure): void {
    const use = this.#use;
    if (use === undefined) return;
    use.upstream.countFailure(failure.reason);
    if (!failure.isFault) use.outcome.succeeded();
    // MAX says 500 to a conversation that its template refuses, and clients send it again by themselves.
    else if (failure.reason === 'status' && !use.isTrial && use.upstream.failsAgain(this.#key))
      use.outcome.failedAgain();
    else use.outcome.failed();
  }

  #end(): void {
    this.#signal.removeEventListener('abort', this.#onAbort);
    // One that was given up tells nothing of the upstream.
    if (this.#use?.isTrial === true) this.#use.outcome.failed();
    this.#use?.release();
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
