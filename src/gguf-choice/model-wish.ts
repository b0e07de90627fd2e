import type { Candidate, GgufFile } from './candidates.ts';

/** Which of several models is wanted. */
export interface ModelWish {
  /** The repository or the folder, for messages. */
  readonly where: string;
  /** How to choose one of its files, for messages: "Choose one with --weight-path". */
  readonly advice: string;
  /** The option at fault if there is no such model. */
  readonly param: string;
  /** A type of weights by its name in files (`q4_k_m`, `ud-q4_k_xl`), or `auto`. */
  readonly encoding: string;
  /** The path of a file. */
  readonly path?: string | undefined;
  /** Bytes of memory for `auto`; undefined if that is not known. */
  readonly memoryBytes: () => Promise<number | undefined>;
  /** Bytes of a projector from elsewhere, for `auto`. */
  readonly otherProjectorBytes?: number | undefined;
  /** What `auto` does if no model fits the memory. */
  readonly ifNoneFits: 'refuse' | 'smallest';
  /** What `auto` does with several models, as opposed to several types of one. */
  readonly ifSeveral: 'largest' | 'ask';
}

/** A model that was chosen. */
export interface ChosenModel<File extends GgufFile> {
  readonly model: Candidate<File>;
  /** All models to choose from. */
  readonly models: readonly Candidate<File>[];
  /** Why this one, if `auto` had a choice. */
  readonly reason: string | undefined;
}
