import type { ModelInfo } from '../../backend/index.ts';

/** The model that is served, for what describes it. */
export interface ServedModel {
  /** As requests name it. */
  readonly name: string;
  readonly info: ModelInfo;
  /** When the server began to serve it. */
  readonly since: Date;
}
