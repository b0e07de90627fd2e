import type { AnswersRequest } from '../../../backends/node-llama-cpp/answer-events.ts';
import type { LoadedLlama, TracedToken } from '../../../backends/node-llama-cpp/loaded-llama.ts';
import type { GenerationEvent } from '../../../src/backend/index.ts';
import { VserveError } from '../../../src/errors/index.ts';

/** Of the logits that each token was chosen from, how many are compared. */
const tracedLogits = 8;

/** An answer, or the code of the error that came in its place. */
export type Answer =
  | {
      readonly text: string;
      readonly reason: string;
      readonly promptTokens: number;
      readonly cachedTokens: number;
      readonly trace: readonly TracedToken[];
    }
  | { readonly code: string; readonly message: string };

/**
 * Asks for one or several answers; an error comes in place of each. Throws what ends them and is no error of the model: the
 * signal's reason, or a defect.
 */
export async function traced(
  model: LoadedLlama,
  request: AnswersRequest,
  signal: AbortSignal,
  onEvent: (event: GenerationEvent) => void = () => undefined,
): Promise<readonly Answer[]> {
  const count = request.choices ?? 1;
  const texts = Array.from({ length: count }, () => '');
  const traces = Array.from({ length: count }, (): readonly TracedToken[] => []);
  const answers = new Map<number, Answer>();
  const onTrace = (tokens: readonly TracedToken[], choice: number): void => {
    traces[choice] = tokens;
  };
  try {
    for await (const event of model.generateTraced(request, signal, tracedLogits, onTrace)) {
      onEvent(event);
      const { choice = 0 } = event;
      if (event.type === 'text-delta') texts[choice] += event.text;
      if (event.type !== 'finish') continue;
      const [text, trace] = [texts[choice] ?? '', traces[choice] ?? []];
      answers.set(choice, { text, trace, reason: event.reason, ...event.usage });
    }
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof VserveError)) throw error;
    const { code, message } = error;
    return texts.map(() => ({ code, message }));
  }
  return texts.map((_, choice) => {
    const answer = answers.get(choice);
    if (answer === undefined) throw new Error(`Answer ${choice} has no end`);
    return answer;
  });
}
