import type { SamplingSettings } from './sampling-settings.ts';

/** Properties of a loaded model. The server refuses requests that need a missing capability. */
export interface ModelInfo {
  readonly capabilities: {
    readonly vision: boolean;
  };
  /** Maximum tokens of one conversation, prompt and answer. */
  readonly contextLength: number;
  /** Maximum concurrent sequences; further requests wait. */
  readonly maxBatchSize: number;
  /** The model's own generation_config, if any: these defaults yield to the request and override the server's. */
  readonly samplingDefaults: Partial<SamplingSettings>;
  /** Human-readable name of the device (`cpu`, `CUDA0 NVIDIA H100`, …). */
  readonly device: string;
}
