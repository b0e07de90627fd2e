import type { ModelDescription } from '../../conversion/index.ts';
import type { ConversionPlan, PlanOptions } from '../plan/plan-conversion.ts';
import { VserveError } from '../../errors/index.ts';
import type { ErrorCode } from '../../errors/index.ts';
import type { Chunk } from './chunk.ts';

/** The open files of a chunk. `scale` and `delta` are those of its scale's shard and of its adapter, where it has them. */
export interface Descriptors {
  readonly source: number;
  readonly scale: number;
  readonly delta: number;
  readonly target: number;
}

/** An adapter to convert: the folders of its base model and of itself, and the GGUF file to write. */
export interface AdapterFiles {
  readonly baseDir: string;
  readonly adapterDir: string;
  readonly path: string;
}

/** What a worker thread is asked to do, one request at a time. */
export type Request =
  | { readonly kind: 'plan'; readonly options: PlanOptions }
  | { readonly kind: 'describe'; readonly sourceDir: string }
  | { readonly kind: 'adapter'; readonly options: AdapterFiles }
  | { readonly kind: 'chunk'; readonly chunk: Chunk; readonly descriptors: Descriptors };

/** The answer to a plan is the plan, to a checkpoint its description, to a chunk the bytes written, to an adapter true. */
export interface Answers {
  plan: ConversionPlan;
  describe: ModelDescription;
  adapter: true;
  chunk: number;
}

/** An error on its way between threads: structured cloning would keep neither its class nor its code. */
export interface Failure {
  readonly code: ErrorCode | undefined;
  readonly message: string;
  readonly stack: string | undefined;
  readonly cause: unknown;
}

export type Reply = { readonly answer: Answers[keyof Answers] } | { readonly failure: Failure };

export function toFailure(error: unknown): Failure {
  if (!(error instanceof Error)) return { code: undefined, message: String(error), stack: undefined, cause: undefined };
  const { message, stack, cause } = error;
  const code = error instanceof VserveError ? error.code : undefined;
  return { code, message, stack, cause: cause instanceof Error ? cause.message : undefined };
}

export function fromFailure({ code, message, stack, cause }: Failure): Error {
  if (code !== undefined) return new VserveError(code, message, { cause });
  const error = new Error(message, { cause });
  if (stack !== undefined) error.stack = stack;
  return error;
}
