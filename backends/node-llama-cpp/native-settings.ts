import type { GenerateRequest, SamplingSettings } from '../../src/backend/index.ts';
import { VserveError } from '../../src/errors/index.ts';
import type { ForcedRun, NativeGenerationSettings } from './native-addon.ts';

const largestInt32 = 2 ** 31 - 1;
/** llama.cpp draws a seed for this one. */
const randomSeed = 2 ** 32 - 1;

/** Throws `invalid_request` for a bias of a token that the model does not have. */
export function checkBiases({ logitBias }: SamplingSettings, vocabularySize: number): void {
  const unknown = logitBias.find(({ token }) => token < 0 || token >= vocabularySize);
  if (unknown === undefined) return;
  const message = `logit_bias names the token ${unknown.token}, but the model's tokens are 0 to ${vocabularySize - 1}.`;
  throw new VserveError('invalid_request', message, { param: `logit_bias.${unknown.token}` });
}

/** What of a request is for the engine, in numbers that it can hold. */
export function toNativeSettings(
  request: GenerateRequest,
  forcedRuns: readonly ForcedRun[] = [],
): Omit<NativeGenerationSettings, 'grammar'> {
  const { repetitionStop } = request;
  return {
    ...toNativeSampling(request.sampling),
    choices: request.choices,
    forcedRuns,
    maxTokens: limited(request.maxTokens ?? -1),
    minTokens: limited(request.minTokens),
    stop: request.stop,
    stopTokens: request.stopTokens.filter((token) => token <= largestInt32),
    includeStop: request.includeStop,
    ignoreEos: request.ignoreEos,
    skipSpecialTokens: request.skipSpecialTokens,
    logProbs: request.logProbs,
    promptLogProbs: request.promptLogProbs,
    repetitionStop: repetitionStop && {
      minPatternTokens: limited(repetitionStop.minPatternTokens),
      maxPatternTokens: limited(repetitionStop.maxPatternTokens),
      minCount: limited(repetitionStop.minCount),
    },
    reportProgress: request.reportProgress,
    adapter: request.adapter ?? 0,
    cacheSalt: request.cacheSalt,
    client: request.client ?? [],
  };
}

function toNativeSampling(sampling: SamplingSettings): SamplingSettings {
  return {
    ...sampling,
    seed: sampling.seed === undefined ? undefined : toNativeSeed(sampling.seed),
    topK: limited(sampling.topK),
    minKeep: limited(sampling.minKeep),
    penaltyWindow: limited(sampling.penaltyWindow),
    noRepeatNgramSize: limited(sampling.noRepeatNgramSize),
    noRepeatNgramWindow: limited(sampling.noRepeatNgramWindow),
    noRepeatNgramAllowed: sampling.noRepeatNgramAllowed.map(limited),
    dryAllowedLength: limited(sampling.dryAllowedLength),
    dryWindow: limited(sampling.dryWindow),
    logitBias: sampling.logitBias.map(({ token, bias }) => ({ token: limited(token), bias })),
  };
}

function limited(integer: number): number {
  return Math.min(integer, largestInt32);
}

/** Maps any integer to a 32-bit seed. Those from 0 to 2^32 - 2 map to themselves. */
function toNativeSeed(seed: number): number {
  const folded = (seed ^ Math.imul(Math.floor(seed / 2 ** 32), 0x9e3779b1)) >>> 0;
  return folded === randomSeed ? randomSeed - 1 : folded;
}
