import type { LoadedLlama } from '../../../backends/node-llama-cpp/loaded-llama.ts';
import type { TokenReport } from '../../../backends/node-llama-cpp/native-addon.ts';
import type { GenerateRequest, GenerationEvent } from '../../../src/backend/index.ts';
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
      readonly trace: readonly TokenReport[];
    }
  | { readonly code: string; readonly message: string };

/** Asks for an answer. Throws what ends it and is no error of the model: the signal's reason, or a defect. */
export async function traced(
  model: LoadedLlama,
  request: GenerateRequest,
  signal: AbortSignal,
  onEvent: (event: GenerationEvent) => void = () => undefined,
): Promise<Answer> {
  let text = '';
  let trace: readonly TokenReport[] = [];
  const onTrace = (tokens: readonly TokenReport[]): void => {
    trace = tokens;
  };
  try {
    for await (const event of model.generateTraced(request, signal, tracedLogits, onTrace)) {
      onEvent(event);
      if (event.type === 'text-delta') text += event.text;
      if (event.type === 'finish') return { text, trace, reason: event.reason, ...event.usage };
    }
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof VserveError) return { code: error.code, message: error.message };
    throw error;
  }
  throw new Error('The answer has no end');
}
