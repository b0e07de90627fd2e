import type { ChatAnswer } from '../../client/index.ts';
import type { Output } from '../output.ts';
import { counted } from '../../formats/counted.ts';

/** Prints an answer as it comes: on a terminal with the reasoning in front of it, dim. */
export class AnswerPrinter {
  readonly #output: Output;
  /** What the answer is so far. */
  text = '';
  #last = '\n';
  #isInReasoning = false;

  constructor(output: Output) {
    this.#output = output;
  }

  readonly onText = (text: string): void => {
    if (this.#isInReasoning) this.#separate();
    this.text += text;
    this.#write(text);
  };

  /** On a pipe only the answer is wanted. */
  readonly onReasoning = (text: string): void => {
    if (!this.#output.isTerminal) return;
    this.#isInReasoning = true;
    this.#output.write(text, 'dim');
    this.#last = text.at(-1) ?? this.#last;
  };

  /** Ends the last line. */
  end(): void {
    if (this.#last !== '\n') this.#write('\n');
  }

  #separate(): void {
    this.#isInReasoning = false;
    this.#write(this.#last === '\n' ? '\n' : '\n\n');
  }

  #write(text: string): void {
    this.#output.write(text);
    this.#last = text.at(-1) ?? this.#last;
  }
}

/** Rates of an answer, in tokens and milliseconds. Undefined where the server told no counts. */
export interface AnswerTimings {
  readonly ttftMs: number | undefined;
  readonly totalMs: number;
  /** After the first token. */
  readonly tokensPerSecond: number | undefined;
}

export function timingsOf({ sentAtMs, firstAtMs, endedAtMs, completionTokens = 0 }: ChatAnswer): AnswerTimings {
  const decodeMs = firstAtMs === undefined ? 0 : endedAtMs - firstAtMs;
  return {
    ttftMs: firstAtMs === undefined ? undefined : rounded(firstAtMs - sentAtMs),
    totalMs: rounded(endedAtMs - sentAtMs),
    tokensPerSecond:
      completionTokens > 1 && decodeMs > 0 ? rounded((1000 * (completionTokens - 1)) / decodeMs) : undefined,
  };
}

/** One line about an answer: `214 tokens at 31.4 tokens/s, the first after 0.21 s; prompt 412 tokens, 256 cached`. */
export function answerSummary(answer: ChatAnswer): string {
  const { ttftMs, tokensPerSecond, totalMs } = timingsOf(answer);
  const { completionTokens, promptTokens, cachedTokens = 0 } = answer;
  const speed = tokensPerSecond === undefined ? '' : ` at ${tokensPerSecond.toFixed(1)} tokens/s`;
  const first = ttftMs === undefined ? '' : `, the first after ${(ttftMs / 1000).toFixed(2)} s`;
  const cached = cachedTokens > 0 ? `, ${cachedTokens} cached` : '';
  const prompt = promptTokens === undefined ? '' : `; prompt ${counted(promptTokens, 'token')}${cached}`;
  const tokens =
    completionTokens === undefined ? `${(totalMs / 1000).toFixed(2)} s` : counted(completionTokens, 'token');
  return `${tokens}${speed}${first}${prompt}`;
}

function rounded(ms: number): number {
  return Math.round(ms * 10) / 10;
}
