/** A token, and the natural logarithm of its probability: of a softmax over the bare logits, before any sampler. */
export interface TokenLogProb {
  readonly id: number;
  /** Its bytes as text; those that are no whole character are U+FFFD. */
  readonly text: string;
  /** Never cut or replaced. Empty for a control token that is not shown. */
  readonly bytes: readonly number[];
  /** Negative infinity for a probability of 0. */
  readonly logProb: number;
}

/** A text token of a prompt. Nothing is known of the first one, or of one that stands behind an image. */
export interface PromptTokenLogProb extends Omit<ChosenToken, 'logProb'> {
  readonly logProb: number | undefined;
}

/** A token of an answer, with the likeliest ones in its place, the likeliest first. */
export interface ChosenToken extends TokenLogProb {
  readonly likeliest: readonly TokenLogProb[];
}
