/**
 * What may look at the tokens before one is drawn. `mirostat` takes the place of those that narrow the choice: the
 * penalties, `noRepeatNgram`, `dry` and `temperature` stay. `adaptiveP` is the last wherever it stands. `logitBias` comes
 * before all others and has no place among them.
 */
export const samplerNames = [
  'penalties',
  'noRepeatNgram',
  'dry',
  'topNSigma',
  'temperature',
  'topK',
  'typicalP',
  'topP',
  'minP',
  'xtc',
  'adaptiveP',
] as const;

export type SamplerName = (typeof samplerNames)[number];

/** How the next token is chosen. Every field is set: defaults are applied before a backend sees them. */
export interface SamplingSettings {
  /** 0 is greedy: the likeliest token. */
  readonly temperature: number;
  /** llama.cpp's dynamic temperature: it varies by this much up and down with the entropy; 0 is off. */
  readonly temperatureRange: number;
  readonly temperatureExponent: number;
  /** Nucleus sampling; 1 keeps all tokens. */
  readonly topP: number;
  /** The k likeliest tokens; -1 keeps all. */
  readonly topK: number;
  /** Minimum probability relative to the likeliest token; 0 keeps all. */
  readonly minP: number;
  /** Locally typical sampling; 1 keeps all. */
  readonly typicalP: number;
  /** Keeps the tokens whose logits are at most this many standard deviations below the greatest; below 0 keeps all. */
  readonly topNSigma: number;
  /** At least this many tokens are kept by `topP`, `minP`, `typicalP` and `xtc`; 0 and 1 are the same. */
  readonly minKeep: number;
  /** Exclude top choices: with this probability all tokens above the threshold are dropped but the least likely one. */
  readonly xtcProbability: number;
  /** Above 0.5 it is off. */
  readonly xtcThreshold: number;
  /** llama.cpp's adaptive-p: the probability that drawn tokens should have on average; below 0 is off. */
  readonly adaptiveTarget: number;
  /** From 0 to 0.99: how long past tokens count. */
  readonly adaptiveDecay: number;
  /** 0 is off, else version 1 or 2. */
  readonly mirostat: 0 | 1 | 2;
  /** Target entropy. */
  readonly mirostatTau: number;
  /** Learning rate. */
  readonly mirostatEta: number;
  /** Undefined draws one at random. */
  readonly seed: number | undefined;
  /** OpenAI's: -2 to 2, 0 is off. */
  readonly frequencyPenalty: number;
  /** OpenAI's: -2 to 2, 0 is off. */
  readonly presencePenalty: number;
  /** Hugging Face's: above 0, 1 is off. */
  readonly repetitionPenalty: number;
  /** Last tokens that the three penalties look at; -1 is all: the answer's, for `repetitionPenalty` the prompt's too. */
  readonly penaltyWindow: number;
  /** No sequence of this many tokens comes twice in an answer; 0 is off. */
  readonly noRepeatNgramSize: number;
  /** Last tokens in which such a sequence is looked for; -1 is all. */
  readonly noRepeatNgramWindow: number;
  /** Look for it in the prompt too, as Hugging Face's processor does. */
  readonly noRepeatNgramPrompt: boolean;
  /** Tokens that may complete such a sequence nevertheless. */
  readonly noRepeatNgramAllowed: readonly number[];
  /** "Don't repeat yourself": what a token costs that would prolong a repetition; 0 is off. */
  readonly dryMultiplier: number;
  readonly dryBase: number;
  /** Longest repetition in tokens that costs nothing. */
  readonly dryAllowedLength: number;
  /** Last tokens that it looks at; -1 is all. */
  readonly dryWindow: number;
  /** Texts over which no repetition reaches. */
  readonly dryBreakers: readonly string[];
  /** Added to the logits of these tokens before anything else; negative infinity forbids one. */
  readonly logitBias: readonly LogitBias[];
  /** In the order in which they are applied, each with its settings above. One that is missing here is not applied. */
  readonly samplers: readonly SamplerName[];
}

export interface LogitBias {
  readonly token: number;
  readonly bias: number;
}
