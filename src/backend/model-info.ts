import type { GenerateRequest } from './generate-request.ts';
import type { SamplerName, SamplingSettings } from './sampling-settings.ts';

/** What a model can be asked for besides an answer in text. What is absent it cannot; the server refuses such requests. */
export interface Capabilities {
  readonly vision: boolean;
  readonly tools?: boolean;
  /** Every `AnswerFormat`. */
  readonly structuredOutput?: boolean;
  /** Its template has reasoning, which can be told apart. */
  readonly reasoning?: boolean;
  readonly logProbs?: boolean;
  /** Most answers to one request; absent is 1. */
  readonly maxChoices?: number;
  /** `minTokens`, `stopTokens`, `includeStop`, `repetitionStop`, `logitBias`. */
  readonly answerControl?: boolean;
  readonly progress?: boolean;
  /** Besides penalties, temperature, topK, topP and minP, which every backend has. */
  readonly samplers?: readonly SamplerName[];
  readonly mirostat?: boolean;
  readonly embeddings?: boolean;
}

/** Properties of a loaded model. The server refuses requests that need a missing capability. */
export interface ModelInfo {
  readonly capabilities: Capabilities;
  /** Maximum tokens of one conversation, prompt and answer. */
  readonly contextLength: number;
  /** Maximum concurrent sequences; further requests wait. */
  readonly maxBatchSize: number;
  /** The model's own generation_config, if any: these defaults yield to the request and override the server's. */
  readonly samplingDefaults: Partial<SamplingSettings>;
  /** The same of what is no sampling. */
  readonly generationDefaults?: Partial<Pick<GenerateRequest, 'minTokens' | 'maxTokens'>>;
  /** Human-readable name of the device (`cpu`, `CUDA0 NVIDIA H100`, …). */
  readonly device: string;
}
