import type { GenerationEvent } from '../../backend/index.ts';
import { collectAnswers } from '../answer/collected-answer.ts';
import { logProbsJson } from './log-probs.ts';
import { metricsJson } from './metrics.ts';
import { timeNow } from './time-now.ts';
import type { LoadReason } from './ollama-request.ts';
import type { Pieces, PiecesJson } from './pieces.ts';
import { toolCallJson } from './tool-calls.ts';

/** What every object begins with. */
export function headJson(model: string): { readonly model: string; readonly created_at: string } {
  return { model, created_at: timeNow() };
}

/** Collects a generation into one object. Throws what the generation throws. */
export async function toAnswer(
  model: string,
  events: AsyncIterable<GenerationEvent>,
  toJson: PiecesJson,
): Promise<object> {
  const [answer] = await collectAnswers(events, { choices: 1, showsReasoning: true });
  if (answer === undefined) throw new TypeError('There is no answer.');
  const { text, reasoning, calls, logProbs } = answer;
  const pieces: Pieces = {
    text,
    ...(reasoning === '' ? {} : { thinking: reasoning }),
    calls: calls.flatMap((call, index) => toolCallJson(call, index) ?? []),
  };
  return {
    ...headJson(model),
    ...toJson(pieces),
    done: true,
    ...metricsJson(answer),
    ...(logProbs.length === 0 ? {} : { logprobs: logProbsJson(logProbs) }),
  };
}

/** The answer to a request that has no prompt. */
export function loadAnswer(model: string, reason: LoadReason, toJson: PiecesJson): object {
  return { ...headJson(model), ...toJson({}), done: true, done_reason: reason };
}
