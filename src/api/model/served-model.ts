import type { ModelInfo } from '../../backend/index.ts';

/** The model that is served, for what describes it. */
export interface ServedModel {
  /** As requests name it. */
  readonly name: string;
  readonly info: ModelInfo;
  /** When the server began to serve it. */
  readonly since: Date;
  /** Of a LoRA adapter: where it comes from, and the name of the model that it changes. */
  readonly adapter?: { readonly root: string; readonly parent: string };
}
