import type { GenerateRequest, ImageProcessorSettings, SamplingSettings } from '../backend/index.ts';

/** The settings of a generation, besides its sampling and template. */
export type GenerationSettings = Omit<
  GenerateRequest,
  | 'messages'
  | 'prompt'
  | 'template'
  | 'sampling'
  | 'askedSampling'
  | 'client'
  | 'adapter'
  | 'promptLogProbs'
  | 'imageProcessor'
> & {
  readonly promptLogProbs: number | undefined;
  readonly imageProcessor: ImageProcessorSettings | undefined;
};

/**
 * What holds where neither the request nor the model's generation_config says anything: MAX's defaults, llama.cpp's for
 * samplers that are off. The order is transformers'.
 */
export const SAMPLING_DEFAULTS: SamplingSettings = {
  temperature: 1,
  temperatureRange: 0,
  temperatureExponent: 1,
  topP: 1,
  topK: -1,
  minP: 0,
  typicalP: 1,
  topNSigma: -1,
  minKeep: 0,
  xtcProbability: 0,
  xtcThreshold: 0.1,
  adaptiveTarget: -1,
  adaptiveDecay: 0.9,
  mirostat: 0,
  mirostatTau: 5,
  mirostatEta: 0.1,
  seed: undefined,
  frequencyPenalty: 0,
  presencePenalty: 0,
  repetitionPenalty: 1,
  penaltyWindow: -1,
  noRepeatNgramSize: 0,
  noRepeatNgramWindow: -1,
  noRepeatNgramPrompt: false,
  noRepeatNgramAllowed: [],
  dryMultiplier: 0,
  dryBase: 1.75,
  dryAllowedLength: 2,
  dryWindow: -1,
  dryBreakers: ['\n', ':', '"', '*'],
  logitBias: [],
  samplers: [
    'penalties',
    'noRepeatNgram',
    'dry',
    'topNSigma',
    'temperature',
    'topK',
    'topP',
    'minP',
    'typicalP',
    'xtc',
    'adaptiveP',
  ],
};

export const GENERATION_DEFAULTS: GenerationSettings = {
  maxTokens: undefined,
  minTokens: 0,
  stop: [],
  stopTokens: [],
  includeStop: false,
  ignoreEos: false,
  skipSpecialTokens: true,
  tools: undefined,
  format: { type: 'text' },
  reasoning: { isApart: true, maxTokens: undefined, endMessage: '' },
  choices: 1,
  logProbs: undefined,
  promptLogProbs: undefined,
  repetitionStop: undefined,
  reportProgress: false,
  cacheSalt: '',
  imageProcessor: undefined,
};
