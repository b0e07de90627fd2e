import { ROOT_CONTEXT, SpanStatusCode, trace } from '@opentelemetry/api';
import type { Attributes, Context, Span, Tracer } from '@opentelemetry/api';
import type { ParsedRequest } from '../../api/index.ts';
import { isCodedError, messageOf } from '../../errors/index.ts';
import type { FollowStep } from '../../media/index.ts';
import { statusOf } from '../error-response.ts';
import { AnswerTally } from './answer-tally.ts';
import { GenerationTrace } from './generation-trace.ts';
import type { RequestClock } from './request-clock.ts';
import type { EndedStep, TraceOfRequest } from './trace-of-request.ts';

/** The span of a request, which ends when nobody holds it any more, and those of its parts. */
export class RequestTrace implements TraceOfRequest {
  readonly tally = new AnswerTally();
  readonly #tracer: Tracer;
  readonly #span: Span;
  readonly #context: Context;
  readonly #clock: RequestClock;
  #holders = 0;

  constructor(tracer: Tracer, span: Span, clock: RequestClock) {
    this.#clock = clock;
    this.#tracer = tracer;
    this.#span = span;
    this.#context = trace.setSpan(ROOT_CONTEXT, span);
  }

  get beganAtMs(): number {
    return this.#clock.beganAtMs;
  }

  /** Keeps the span from ending until the returned function is called, once or more often. */
  hold(): () => void {
    let isHeld = true;
    this.#holders += 1;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      this.#holders -= 1;
      if (this.#holders > 0) return;
      this.#span.setAttributes(this.tally.attributes);
      this.#span.end(this.#clock.timeOf(performance.now()));
    };
  }

  rename(name: string): void {
    this.#span.updateName(name);
  }

  set(attributes: Attributes): void {
    this.#span.setAttributes(attributes);
  }

  /** What a request failed with. Only defects and the like make the span an error: what a client does wrong is its own. */
  fail(error: unknown): void {
    this.#span.setAttribute('error.type', typeOf(error));
    if (statusOf(error) >= 500) this.#span.setStatus({ code: SpanStatusCode.ERROR, message: messageOf(error) });
  }

  /** Adds a part. */
  add(step: EndedStep): void {
    this.#add(step, this.#context);
  }

  /** Does a part of the work. */
  async step<T>(name: string, work: () => Promise<T>): Promise<T> {
    const fromMs = performance.now();
    try {
      const result = await work();
      this.add({ name, fromMs, toMs: performance.now() });
      return result;
    } catch (error) {
      this.add({ name, fromMs, toMs: performance.now(), error });
      throw error;
    }
  }

  /** Follows the images of the request. */
  readonly followImage: FollowStep = ({ name, source, param }) => {
    const fromMs = performance.now();
    return ({ error, bytes, width, height, isKnown }) => {
      const attributes: Attributes = { 'vserve.image.source': source, 'vserve.image.param': param };
      if (bytes !== undefined) attributes['vserve.image.bytes'] = bytes;
      if (width !== undefined) attributes['vserve.image.width'] = width;
      if (height !== undefined) attributes['vserve.image.height'] = height;
      if (isKnown !== undefined) attributes['vserve.image.cached'] = isKnown;
      this.add({ name: `${name} image`, fromMs, toMs: performance.now(), attributes, error });
    };
  };

  /** Follows one of the generations of the request. */
  generation(request: ParsedRequest): GenerationTrace {
    return new GenerationTrace(this, request);
  }

  #add({ name, fromMs, toMs, attributes = {}, error, steps = [] }: EndedStep, parent: Context): void {
    const span = this.#tracer.startSpan(name, { attributes, startTime: this.#clock.timeOf(fromMs) }, parent);
    if (error !== undefined) {
      span.setAttribute('error.type', typeOf(error));
      span.setStatus({ code: SpanStatusCode.ERROR, message: messageOf(error) });
    }
    const context = trace.setSpan(parent, span);
    for (const step of steps) this.#add(step, context);
    span.end(this.#clock.timeOf(Math.max(fromMs, toMs)));
  }
}

function typeOf(error: unknown): string {
  if (isCodedError(error)) return error.code;
  return error instanceof Error ? error.name : 'Error';
}
