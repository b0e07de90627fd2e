import type { LoadSettings } from '../backend.ts';
import type { Bitmap } from '../bitmap.ts';
import type { ContentPart } from '../chat-message.ts';
import type { GenerateRequest } from '../generate-request.ts';
import { samplerNames } from '../sampling-settings.ts';
import type { SamplingSettings } from '../sampling-settings.ts';

/** Long enough to be cut anywhere, also within characters, by a model that repeats it. */
export const QUESTION =
  'Repeat these words: one two three 🐈 four five six é seven eight 漢字 nine ten eleven twelve thirteen fourteen.';

/** The likeliest token, always. */
export const greedy: SamplingSettings = {
  temperature: 0,
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
  seed: 1,
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
  samplers: samplerNames,
};

/** As if no option were given. */
export const plainSettings: LoadSettings = {
  maxLength: undefined,
  maxBatchSize: undefined,
  devices: 'auto',
  enablePrefixCaching: true,
  maxVisionCacheEntries: 256,
  mmprojEncoding: 'auto',
  imageMinTokens: undefined,
  imageMaxTokens: undefined,
  maxBatchInputTokens: undefined,
  chatTemplate: undefined,
  deviceMemoryUtilization: 0.9,
  kvCacheFormat: 'f16',
  flashAttention: 'auto',
  mmap: true,
  mlock: false,
  embeddings: false,
  pooling: undefined,
  threads: undefined,
  threadsBatch: undefined,
  upstreams: [],
  upstreamsFile: undefined,
  upstreamApiKey: undefined,
  upstreamPolicy: 'affinity',
  upstreamTimeoutS: 300,
  upstreamHealthIntervalS: 5,
  upstreamMaxImagePixels: undefined,
  mediaPassthrough: false,
};

/** A user's turn, and whatever else a request has. */
export function userTurn(content: readonly ContentPart[], changes: Partial<GenerateRequest> = {}): GenerateRequest {
  return {
    messages: [{ role: 'user', content }],
    template: { variables: {}, addGenerationPrompt: true, continueFinalMessage: false },
    sampling: greedy,
    maxTokens: 24,
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
    repetitionStop: undefined,
    reportProgress: false,
    cacheSalt: '',
    ...changes,
  };
}

export function textTurn(text: string, changes: Partial<GenerateRequest> = {}): GenerateRequest {
  return userTurn([{ type: 'text', text }], changes);
}

/** A picture of one colour. */
export function picture(side = 64): Bitmap {
  const rgb = new Uint8Array(side * side * 3).map((_, index) => (index % 3 === 0 ? 200 : 20));
  return { width: side, height: side, rgb, id: `conformance-${String(side)}`.padEnd(64, '0') };
}
