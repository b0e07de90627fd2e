import type { SamplingSettings } from './sampling-settings.ts';

/** What a loaded model is and can do. The server refuses a request that needs a capability that is missing. */
export interface ModelInfo {
  readonly capabilities: {
    readonly vision: boolean;
  };
  /** Tokens that one conversation may hold, prompt and answer. */
  readonly contextLength: number;
  /** Sequences that run at the same time; a request past that waits. */
  readonly maxBatchSize: number;
  /** The model's own generation_config, where it has one: defaults below the request and above the server's. */
  readonly samplingDefaults: Partial<SamplingSettings>;
  /** For people: what computes (`cpu`, `CUDA0 NVIDIA H100`, …). */
  readonly device: string;
}
