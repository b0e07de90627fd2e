import { setTimeout as sleep } from 'node:timers/promises';
import pLimit from 'p-limit';
import type { LimitFunction } from 'p-limit';
import type { ChatAnswer, Endpoint, Message } from '../../client/index.ts';
import { chat } from '../../client/index.ts';
import { messageOf } from '../../errors/index.ts';
import type { Conversation, Turn } from './conversations.ts';
import { gamma } from './random.ts';
import type { Random } from './random.ts';

/** One request, measured. Times in milliseconds; `sentMs` since the run began. */
export interface MeasuredRequest {
  /** The number of its conversation, and its own in that, both from 0. */
  readonly conversation: number;
  readonly turn: number;
  readonly sentMs: number;
  readonly latencyMs: number;
  readonly ttftMs: number | undefined;
  /** Between the pieces of the answer. */
  readonly itlMs: readonly number[];
  readonly inputTokens: number;
  /** Those of `inputTokens` that the server had in its cache; undefined where it does not say. */
  readonly cachedTokens: number | undefined;
  readonly outputTokens: number;
  /** Why it failed; undefined if it did not. */
  readonly error: string | undefined;
}

export interface Run {
  /** Undefined without a limit. */
  readonly maxConcurrency: number | undefined;
  /** Infinity without a limit. */
  readonly requestRate: number;
  readonly durationMs: number;
  readonly requests: readonly MeasuredRequest[];
}

export interface RunOptions {
  readonly endpoint: Endpoint;
  /** What all requests have in common. */
  readonly fields: { readonly model: string; readonly [field: string]: unknown };
  /** Of requests, and of conversations that have begun. Undefined without a limit. */
  readonly maxConcurrency: number | undefined;
  readonly maxConversations: number | undefined;
  /** Conversations that begin in a second; Infinity begins all at once. */
  readonly requestRate: number;
  /** How even the intervals are: 1 is a Poisson process, less comes in bursts, more is more regular. */
  readonly burstiness: number;
  /** Between the beginnings of conversations, at least. */
  readonly startDelayMs: number;
  /** Decides the intervals. */
  readonly random: Random;
  readonly maxDurationMs: number | undefined;
  readonly onEnd: (ended: number) => void;
  readonly signal: AbortSignal;
}

/** What the requests of a run share. */
interface Measuring extends RunOptions {
  readonly limit: LimitFunction;
  readonly beganAtMs: number;
  readonly isOver: () => boolean;
  /** A request has ended. */
  readonly count: () => void;
}

/** Asks what the conversations ask, and measures the answers. Throws the signal's reason after an abort. */
export async function runBenchmark(conversations: readonly Conversation[], options: RunOptions): Promise<Run> {
  const { maxConcurrency, maxConversations, requestRate, maxDurationMs = Infinity, onEnd, signal } = options;
  const beganAtMs = performance.now();
  const isOver = (): boolean => performance.now() - beganAtMs > maxDurationMs;
  let ended = 0;
  const measuring: Measuring = {
    ...options,
    limit: pLimit(maxConcurrency ?? Infinity),
    beganAtMs,
    isOver,
    count: () => onEnd(++ended),
  };
  const begin = pLimit(maxConversations ?? Infinity);
  const running: Promise<readonly MeasuredRequest[]>[] = [];
  let dueAtMs = beganAtMs;
  for (const [place, conversation] of conversations.entries()) {
    if (isOver()) break;
    running.push(begin(() => converse(conversation, place, measuring)));
    const intervalMs = intervalOf(options);
    if (intervalMs === 0) continue;
    dueAtMs += intervalMs;
    await sleep(Math.max(0, dueAtMs - performance.now()), undefined, { signal });
  }
  const requests = (await Promise.all(running)).flat();
  signal.throwIfAborted();
  return { maxConcurrency, requestRate, durationMs: performance.now() - beganAtMs, requests };
}

/** Until the next conversation begins, in milliseconds. */
function intervalOf({ requestRate, burstiness, startDelayMs, random }: RunOptions): number {
  if (requestRate === Infinity) return startDelayMs;
  return startDelayMs + gamma(burstiness, 1000 / (requestRate * burstiness), random);
}

/** Asks turn after turn, until one fails or time is up. */
async function converse(
  { system, turns }: Conversation,
  place: number,
  measuring: Measuring,
): Promise<readonly MeasuredRequest[]> {
  const messages: Message[] = [...system];
  const measured: MeasuredRequest[] = [];
  for (const [number, turn] of turns.entries()) {
    if (turn.delayMs > 0) await sleep(turn.delayMs, undefined, { signal: measuring.signal }).catch(() => undefined);
    messages.push(turn.message);
    const asked = await measuring.limit(async () =>
      measuring.isOver() || measuring.signal.aborted ? undefined : measure(turn, messages, measuring),
    );
    if (asked === undefined) break;
    measuring.count();
    measured.push({ ...asked.request, conversation: place, turn: number });
    if (asked.answer === undefined) break;
    messages.push({ role: 'assistant', content: asked.answer.text });
  }
  return measured;
}

interface Asked {
  readonly request: Omit<MeasuredRequest, 'conversation' | 'turn'>;
  /** Undefined if it failed. */
  readonly answer: ChatAnswer | undefined;
}

async function measure(
  { maxTokens }: Turn,
  messages: readonly Message[],
  { endpoint, fields, beganAtMs, signal }: Measuring,
): Promise<Asked> {
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
    const request = { ...fields, messages: [...messages], max_tokens: maxTokens };
    const answer = await chat(endpoint, request, { onText: onPiece, onReasoning: onPiece, signal });
    const { promptTokens: inputTokens = 0, cachedTokens, completionTokens: outputTokens = pieceAtMs.length } = answer;
    return { request: { ...timed(), inputTokens, cachedTokens, outputTokens, error: undefined }, answer };
  } catch (error) {
    const none = { inputTokens: 0, cachedTokens: undefined, outputTokens: 0 };
    return { request: { ...timed(), ...none, error: messageOf(error) }, answer: undefined };
  }
}
