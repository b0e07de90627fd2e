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
  /** `promptLogProbs`. */
  readonly promptLogProbs?: boolean;
  /** Most answers to one request; absent is 1. */
  readonly maxChoices?: number;
  /** `minTokens`, `stopTokens`, `includeStop`, `skipSpecialTokens`, `repetitionStop`, `logitBias`. */
  readonly answerControl?: boolean;
  readonly ignoreEos?: boolean;
  /** To continue the last message, or to open none: `continueFinalMessage` and `addGenerationPrompt` of `TemplateSettings`. */
  readonly prefill?: boolean;
  readonly progress?: boolean;
  /** Besides penalties, temperature, topK, topP and minP, which every backend has. */
  readonly samplers?: readonly SamplerName[];
  readonly mirostat?: boolean;
  /** `LoadedModel.embed`. */
  readonly embeddings?: boolean;
  /** `GenerateRequest.imageProcessor`, and the budgets of images. */
  readonly imageBudgets?: boolean;
  /** `GenerateRequest.prompt`. */
  readonly rawPrompts?: boolean;
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
  /** Name to serve it by where none is given. */
  readonly servedName?: string;
  /** Human-readable name of the device (`cpu`, `CUDA0 NVIDIA H100`, …). */
  readonly device: string;
  /** How it sees videos. Absent: frame by frame, each behind its time in words. */
  readonly video?: VideoPerception;
  /** What is known of the model itself. */
  readonly description?: ModelDescription;
}

/** How a model was taught to see videos. */
export interface VideoPerception {
  /** Frames that its encoder sees as one image: `Bitmap.frames`. */
  readonly framesPerImage: number;
  /**
   * How it is told the times of images: in words before each (`<1.5 seconds>`), in whole seconds behind each, those of its
   * first frame, or by positions in its attention.
   */
  readonly times: 'words' | 'seconds' | 'positions';
  /** What its processor writes round a video. */
  readonly marks?: { readonly before: string; readonly after: string };
  /** Positions of a second of the video; absent: one for each image. */
  readonly positionsPerSecond?: number;
}

/** A model, as its file describes it. What is absent is not known. */
export interface ModelDescription {
  /** As llama.cpp names it: `gemma3`, `qwen2vl`. */
  readonly architecture?: string;
  readonly parameterCount?: number;
  /** Of most weights, in llama.cpp's terms: `Q4_K_M`, `BF16`. */
  readonly quantization?: string;
  /** Size of the weights, the projector's included. */
  readonly sizeBytes?: number;
  /** Tokens of a conversation in training. */
  readonly trainedContextLength?: number;
  readonly embeddingLength?: number;
  readonly vocabularySize?: number;
  /** `llama`, `gpt2`: llama.cpp's name of the kind of tokenizer. */
  readonly tokenizer?: string;
  /** The kind of its vision projector, as llama.cpp names it: `gemma4v`, `qwen2.5vl_merger`. */
  readonly projector?: string;
  readonly chatTemplate?: string;
  readonly bosToken?: string;
  readonly eosToken?: string;
}
