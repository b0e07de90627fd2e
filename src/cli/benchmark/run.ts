import { setTimeout as sleep } from 'node:timers/promises';
import pLimit from 'p-limit';
import type { Endpoint } from '../../client/index.ts';
import { chat } from '../../client/index.ts';
import { messageOf } from '../../errors/index.ts';
import type { Question } from './questions.ts';
import type { Random } from './random.ts';

/** One request, measured. Times in milliseconds; `sentMs` since the run began. */
export interface MeasuredRequest {
  readonly sentMs: number;
  readonly latencyMs: number;
  readonly ttftMs: number | undefined;
  /** Between the pieces of the answer. */
  readonly itlMs: readonly number[];
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** Why it failed; undefined if it did not. */
  readonly error: string | undefined;
}

export interface Run {
  /** Undefined without a limit. */
  readonly maxConcurrency: number | undefined;
  readonly durationMs: number;
  readonly requests: readonly MeasuredRequest[];
}

export interface RunOptions {
  readonly endpoint: Endpoint;
  /** What all requests have in common. */
  readonly fields: { readonly model: string; readonly [field: string]: unknown };
  readonly maxConcurrency: number | undefined;
  /** Requests a second; Infinity sends them at once. */
  readonly requestRate: number;
  /** Decides the intervals. */
  readonly random: Random;
  readonly maxDurationMs: number | undefined;
  readonly onEnd: (ended: number) => void;
  readonly signal: AbortSignal;
}

/** Sends the questions, and measures their answers. Throws the signal's reason after an abort. */
export async function runBenchmark(questions: readonly Question[], options: RunOptions): Promise<Run> {
  const { maxConcurrency, requestRate, random, maxDurationMs = Infinity, onEnd, signal } = options;
  const limit = pLimit(maxConcurrency ?? Infinity);
  const beganAtMs = performance.now();
  const isOver = (): boolean => performance.now() - beganAtMs > maxDurationMs;
  const running: Promise<MeasuredRequest | undefined>[] = [];
  let ended = 0;
  const measureInTurn = async (question: Question): Promise<MeasuredRequest | undefined> => {
    if (isOver()) return undefined;
    const measured = await measure(question, beganAtMs, options);
    ended += 1;
    onEnd(ended);
    return measured;
  };
  let dueAtMs = beganAtMs;
  for (const question of questions) {
    if (isOver()) break;
    running.push(limit(() => measureInTurn(question)));
    if (requestRate === Infinity) continue;
    dueAtMs += (-1000 * Math.log(1 - random())) / requestRate;
    await sleep(Math.max(0, dueAtMs - performance.now()), undefined, { signal });
  }
  const requests = (await Promise.all(running)).filter((request) => request !== undefined);
  signal.throwIfAborted();
  return { maxConcurrency, durationMs: performance.now() - beganAtMs, requests };
}

async function measure(
  { message, maxTokens }: Question,
  beganAtMs: number,
  { endpoint, fields, signal }: RunOptions,
): Promise<MeasuredRequest> {
  const sentAtMs = performance.now();
  const pieceAtMs: number[] = [];
  const onPiece = (): void => void pieceAtMs.push(performance.now());
  const timed = () => ({
    sentMs: sentAtMs - beganAtMs,
    latencyMs: performance.now() - sentAtMs,
    ttftMs: pieceAtMs[0] === undefined ? undefined : pieceAtMs[0] - sentAtMs,
    itlMs: pieceAtMs.slice(1).map((time, i) => time - (pieceAtMs[i] ?? time)),
  });
  try {
    const request = { ...fields, messages: [message], max_tokens: maxTokens };
    const answer = await chat(endpoint, request, { onText: onPiece, onReasoning: onPiece, signal });
    const { promptTokens = 0, completionTokens = pieceAtMs.length } = answer;
    return { ...timed(), inputTokens: promptTokens, outputTokens: completionTokens, error: undefined };
  } catch (error) {
    return { ...timed(), inputTokens: 0, outputTokens: 0, error: messageOf(error) };
  }
}
