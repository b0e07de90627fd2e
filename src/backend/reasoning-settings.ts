/** What becomes of a model's reasoning before its answer. Whether it reasons at all is up to its template. */
export interface ReasoningSettings {
  /** Report it as `reasoning-delta`s. Otherwise it is a part of the text, with the tags that the model writes. */
  readonly isApart: boolean;
  /** After this many tokens the end of the reasoning is forced; undefined is no limit. */
  readonly maxTokens: number | undefined;
  /** Written before that forced end; empty is nothing. */
  readonly endMessage: string;
}
