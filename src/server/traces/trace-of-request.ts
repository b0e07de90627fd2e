import type { Attributes } from '@opentelemetry/api';
import type { AnswerTally } from './answer-tally.ts';

/** A part of a request that has ended. Times are those of `performance.now()`. */
export interface EndedStep {
  readonly name: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly attributes?: Attributes | undefined;
  readonly error?: unknown;
  /** Steps inside of this one. */
  readonly steps?: readonly EndedStep[];
}

/** What the parts of a request know of its trace. */
export interface TraceOfRequest {
  /** By `performance.now()`. */
  readonly beganAtMs: number;
  readonly tally: AnswerTally;
  /** Keeps the span from ending until the returned function is called, once or more often. */
  hold(): () => void;
  /** Sets attributes of the request's own span. */
  set(attributes: Attributes): void;
  /** Adds a part. */
  add(step: EndedStep): void;
}
