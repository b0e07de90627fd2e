import { isRecord, listAt, numberAt, textAt, valueAt } from './json.ts';
import type { JsonRecord } from './json.ts';
import type { Settings } from './settings.ts';

export type AnswerStatus = 'waiting' | 'streaming' | 'done' | 'stopped' | 'failed';

/** An answer so far, or as it was. */
export interface Answer {
  readonly settings: Settings;
  readonly status: AnswerStatus;
  readonly text: string;
  readonly reasoning: string;
  /** How much of the prompt is computed, from 0 to 1. */
  readonly promptProgress?: number;
  readonly finishReason?: string;
  readonly error?: string;
  readonly usage?: JsonRecord;
  readonly timings?: JsonRecord;
  /** Of each picture of the request, in order, what the server tells. */
  readonly imageDetails?: readonly JsonRecord[];
  /** From sending the question to the first text or thought. */
  readonly firstMs?: number;
  readonly totalMs?: number;
}

export function newAnswer(settings: Settings): Answer {
  return { settings, status: 'waiting', text: '', reasoning: '' };
}

/**
 * The answer with what an event of the stream adds to it.
 *
 * @param chunk A `chat.completion.chunk`, or an object with an `error`.
 * @param sinceMs The time since the question was sent.
 */
export function withChunk(answer: Answer, chunk: unknown, sinceMs: number): Answer {
  const error = errorIn(chunk);
  if (error !== undefined) return failed(answer, error, sinceMs);
  return withReports(withProgress(withDelta(answer, chunk, sinceMs), chunk), chunk);
}

function withDelta(answer: Answer, chunk: unknown, sinceMs: number): Answer {
  const text = textAt(chunk, 'choices', 0, 'delta', 'content') ?? '';
  const reasoning = textAt(chunk, 'choices', 0, 'delta', 'reasoning_content') ?? '';
  const finishReason = textAt(chunk, 'choices', 0, 'finish_reason');
  const finished = finishReason === undefined ? {} : { finishReason };
  if (text === '' && reasoning === '') return { ...answer, ...finished };
  return {
    ...answer,
    ...finished,
    status: 'streaming',
    text: answer.text + text,
    reasoning: answer.reasoning + reasoning,
    firstMs: answer.firstMs ?? sinceMs,
  };
}

function withProgress(answer: Answer, chunk: unknown): Answer {
  const total = numberAt(chunk, 'prompt_progress', 'total') ?? 0;
  if (total === 0) return answer;
  return { ...answer, promptProgress: (numberAt(chunk, 'prompt_progress', 'processed') ?? 0) / total };
}

/** The last chunks tell of the whole. */
function withReports(answer: Answer, chunk: unknown): Answer {
  const usage = valueAt(chunk, 'usage');
  const timings = valueAt(chunk, 'timings');
  const details = [chunk, usage].flatMap((place) => listAt(place, 'image_details')).filter(isRecord);
  return {
    ...answer,
    ...(isRecord(usage) ? { usage } : {}),
    ...(isRecord(timings) ? { timings } : {}),
    ...(details.length > 0 ? { imageDetails: details } : {}),
  };
}

/** The message of an error as servers of this API write it; undefined if there is none. */
export function errorIn(body: unknown): string | undefined {
  const error = valueAt(body, 'error');
  if (error === undefined || error === null) return undefined;
  return textAt(error, 'message') ?? (typeof error === 'string' ? error : 'The server failed to answer.');
}

export function failed(answer: Answer, error: string, sinceMs: number): Answer {
  return { ...answer, status: 'failed', error, totalMs: sinceMs };
}

export function stopped(answer: Answer, sinceMs: number): Answer {
  return { ...answer, status: 'stopped', totalMs: sinceMs };
}

/** The answer when its stream has ended. */
export function ended(answer: Answer, sinceMs: number): Answer {
  if (answer.status === 'failed') return answer;
  if (answer.finishReason === undefined)
    return failed(answer, 'The connection was lost before the answer ended.', sinceMs);
  return { ...answer, status: 'done', totalMs: sinceMs };
}

export function isRunning({ status }: Answer): boolean {
  return status === 'waiting' || status === 'streaming';
}

/** A stored answer: one that was running when its page was closed was stopped by that. */
export function readAnswer(answer: Answer): Answer {
  return isRunning(answer) ? { ...answer, status: 'stopped' } : answer;
}
