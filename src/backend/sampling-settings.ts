/** How the next token is chosen. Every field is set: defaults were applied before a backend sees them. */
export interface SamplingSettings {
  /** 0 takes the likeliest token (greedy). */
  readonly temperature: number;
  /** Nucleus sampling: 1 takes all. */
  readonly topP: number;
  /** The k likeliest tokens: -1 takes all. */
  readonly topK: number;
  /** Least probability relative to the likeliest token: 0 takes all. */
  readonly minP: number;
  /** Undefined draws a seed. */
  readonly seed: number | undefined;
  /** OpenAI's: -2 to 2, 0 is off. */
  readonly frequencyPenalty: number;
  /** OpenAI's: -2 to 2, 0 is off. */
  readonly presencePenalty: number;
  /** Hugging Face's: above 0, 1 is off. */
  readonly repetitionPenalty: number;
}
