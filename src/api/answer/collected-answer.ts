import type {
  ChosenToken,
  FinishReason,
  GenerationEvent,
  GenerationTimings,
  TokenUsage,
  ToolCall,
} from '../../backend/index.ts';

/** One of the answers of a generation, complete. */
export interface CollectedAnswer {
  readonly text: string;
  readonly reasoning: string;
  readonly calls: readonly ToolCall[];
  /** Of every token, where asked for. */
  readonly logProbs: readonly ChosenToken[];
  readonly reason: FinishReason;
  readonly stoppedBy: string | number | undefined;
  readonly usage: TokenUsage;
  readonly timings: GenerationTimings;
}

interface GrowingAnswer {
  text: string;
  reasoning: string;
  readonly calls: { readonly id: string; readonly name: string; arguments: string }[];
  readonly logProbs: ChosenToken[];
  end: Pick<CollectedAnswer, 'reason' | 'stoppedBy' | 'usage' | 'timings'> | undefined;
}

export interface CollectOptions {
  /** How many answers there are. */
  readonly choices: number;
  /** Collect the reasoning, and the log probabilities of its tokens. */
  readonly showsReasoning: boolean;
}

/** Collects a generation into its answers, in the order of their indices. Throws what the generation throws. */
export async function collectAnswers(
  events: AsyncIterable<GenerationEvent>,
  { choices, showsReasoning }: CollectOptions,
): Promise<CollectedAnswer[]> {
  const growing = Array.from({ length: choices }, newAnswer);
  for await (const event of events) {
    if (event.type === 'start' || event.type === 'progress' || event.type === 'prefilled') continue;
    if (event.type === 'reasoning-delta' && !showsReasoning) continue;
    const answer = growing[event.choice ?? 0];
    if (answer === undefined)
      throw new Error(`The backend gave an answer ${String(event.choice)} that was not asked for.`);
    append(answer, event);
  }
  return growing.map(completed);
}

function newAnswer(): GrowingAnswer {
  return { text: '', reasoning: '', calls: [], logProbs: [], end: undefined };
}

type AnswerEvent = Exclude<GenerationEvent, { readonly type: 'start' | 'progress' | 'prefilled' }>;

function append(answer: GrowingAnswer, event: AnswerEvent): void {
  switch (event.type) {
    case 'text-delta':
      answer.text += event.text;
      break;
    case 'reasoning-delta':
      answer.reasoning += event.text;
      break;
    case 'tool-call-delta': {
      if (event.call !== undefined) answer.calls[event.index] = { ...event.call, arguments: '' };
      const call = answer.calls[event.index];
      if (call === undefined) throw new Error('The backend went on with a tool call that it had not begun.');
      call.arguments += event.arguments;
      break;
    }
    case 'finish':
      answer.end = {
        reason: event.reason,
        stoppedBy: event.stoppedBy,
        usage: event.usage,
        timings: event.timings,
      };
      return;
  }
  if (event.logProbs !== undefined) answer.logProbs.push(...event.logProbs);
}

function completed({ end, ...answer }: GrowingAnswer): CollectedAnswer {
  if (end === undefined) throw unfinished();
  return { ...answer, ...end };
}

/** A defect of the backend. */
export function unfinished(): Error {
  return new Error('The backend ended a generation without a finish event.');
}
