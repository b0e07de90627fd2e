import type { ModelInfo } from '../../backend/index.ts';

/** The model that is served, for what describes it. */
export interface ServedModel {
  /** As requests name it. */
  readonly name: string;
  readonly info: ModelInfo;
  /** When the server began to serve it. */
  readonly since: Date;
  /** Whether it may leave memory while the server runs. */
  readonly isManaged?: boolean;
  /** Of a LoRA adapter: where it comes from, and the name of the model that it changes. */
  readonly adapter?: { readonly root: string; readonly parent: string };
}

/** Where a model is that may leave memory. */
export interface ModelState {
  readonly status: 'unloaded' | 'loading' | 'loaded';
  /** How far its loading is: what is being done, and how much of it, from 0 to 1. */
  readonly progress?: { readonly stage: string; readonly fraction: number };
  /** It could not be loaded the last time. */
  readonly hasFailed?: true;
  /** When it will leave memory, if nobody asks for it. */
  readonly expiresAt?: Date;
}

/** A model in a list. One that was never in memory has no info. */
export interface ListedModel extends Omit<ServedModel, 'info'> {
  readonly info: ModelInfo | undefined;
  /** Only where models come and go. */
  readonly state?: ModelState;
}
