/** How often values lay in each of several ranges. */
export interface Distribution {
  /** Greatest value of each range but the last, rising. */
  readonly bounds: readonly number[];
  /** One for each range: one more than `bounds`. */
  readonly counts: readonly number[];
  /** Of all values. */
  readonly sum: number;
}

/** What a model has computed since it was loaded. */
export interface ModelWork {
  /** Steps of the model by their duration in milliseconds. */
  readonly stepMs: Distribution;
  /** Steps by the number of sequences in them. */
  readonly stepSequences: Distribution;
  /** Prompt tokens computed, those of images included. */
  readonly promptTokens: number;
  /** Tokens of answers that a format left no choice about, and that cost no step of their own. */
  readonly forcedTokens: number;
  /** Requests put back, to be computed again. */
  readonly preemptions: number;
  /** Images, or tiles of them, that the encoder computed. */
  readonly encodes: number;
  /** Tokens of these. */
  readonly encodedTokens: number;
  /** Images of prompts whose encoded form was cached. */
  readonly knownImages: number;
  /** Tokens in the KV cache at the moment. */
  readonly cachedTokens: number;
  /** Memory that copies of KV cells take beside the KV cache, for prompts that may come again. */
  readonly copiedBytes: number;
}
