/** What may look at the tokens before one is drawn. */
export type SamplerName = 'penalties' | 'temperature' | 'topK' | 'topP' | 'minP';

/** How the next token is chosen. Every field is set: defaults are applied before a backend sees them. */
export interface SamplingSettings {
  /** 0 is greedy: the likeliest token. */
  readonly temperature: number;
  /** Nucleus sampling; 1 keeps all tokens. */
  readonly topP: number;
  /** The k likeliest tokens; -1 keeps all. */
  readonly topK: number;
  /** Minimum probability relative to the likeliest token; 0 keeps all. */
  readonly minP: number;
  /** Undefined draws one at random. */
  readonly seed: number | undefined;
  /** OpenAI's: -2 to 2, 0 is off. */
  readonly frequencyPenalty: number;
  /** OpenAI's: -2 to 2, 0 is off. */
  readonly presencePenalty: number;
  /** Hugging Face's: above 0, 1 is off. */
  readonly repetitionPenalty: number;
  /** In the order in which they are applied, each with its setting above. One that is missing here is not applied. */
  readonly samplers: readonly SamplerName[];
}
