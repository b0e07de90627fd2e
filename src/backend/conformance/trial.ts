import type { GenerateRequest } from '../generate-request.ts';
import type { LoadedModel } from '../loaded-model.ts';

/** What a case tries. */
export interface Subject {
  /** Shared by all cases: none closes it. */
  readonly model: LoadedModel;
  /** Aborted when the case's time is over. */
  readonly signal: AbortSignal;
  /** Loads another one, which the case closes. */
  readonly load: (signal?: AbortSignal) => Promise<LoadedModel>;
  /** The question, greedy, for a short answer. */
  readonly ask: (changes?: Partial<GenerateRequest>) => GenerateRequest;
  /** For an answer that goes on for a while. */
  readonly askLong: (changes?: Partial<GenerateRequest>) => GenerateRequest;
}

/** What a model must have for a case to say anything about it. */
export interface Need {
  /** What is told where it is missing. */
  readonly lack: string;
  readonly isMet: (model: LoadedModel) => boolean;
}

/** A case, before there is a model. */
export interface Trial {
  readonly name: string;
  readonly needs?: readonly Need[];
  /** Throws if the backend does not do as the specification says. */
  readonly check: (subject: Subject) => Promise<void>;
}
