import { isDeepStrictEqual } from 'node:util';
import type { Capabilities, ModelInfo, SamplerName, SamplingSettings } from '../backend/index.ts';
import { VserveError } from '../errors/index.ts';
import type { ParsedRequest } from './parsed-request.ts';
import { firstPicture, imageReferences, mediaReferences } from './parsed-request.ts';
import type { GenerationSettings } from './request-defaults.ts';
import { GENERATION_DEFAULTS, SAMPLING_DEFAULTS } from './request-defaults.ts';

type Setting = keyof GenerationSettings | keyof SamplingSettings;

interface Need {
  readonly isMet: (capabilities: Capabilities) => boolean;
  /** What asks for it, unless it has its default. */
  readonly settings: readonly Setting[];
  /** Follows "This model" in an error. */
  readonly lack: string;
}

const hasSampler =
  (name: SamplerName) =>
  ({ samplers }: Capabilities): boolean =>
    samplers?.includes(name) === true;

const NEEDS: readonly Need[] = [
  { isMet: ({ tools }) => tools === true, settings: ['tools'], lack: 'cannot call tools' },
  {
    isMet: ({ structuredOutput }) => structuredOutput === true,
    settings: ['format'],
    lack: 'cannot keep its answer to a format',
  },
  { isMet: ({ logProbs }) => logProbs === true, settings: ['logProbs'], lack: 'reports no log probabilities' },
  {
    isMet: ({ promptLogProbs }) => promptLogProbs === true,
    settings: ['promptLogProbs'],
    lack: 'reports no log probabilities of prompts',
  },
  {
    isMet: ({ answerControl }) => answerControl === true,
    settings: ['minTokens', 'stopTokens', 'includeStop', 'skipSpecialTokens', 'repetitionStop', 'logitBias'],
    lack: 'cannot be told that',
  },
  {
    isMet: ({ imageBudgets }) => imageBudgets === true,
    settings: ['imageProcessor'],
    lack: 'has one size for images',
  },
  { isMet: ({ ignoreEos }) => ignoreEos === true, settings: ['ignoreEos'], lack: 'cannot go on past its end' },
  { isMet: ({ progress }) => progress === true, settings: ['reportProgress'], lack: 'reports no progress' },
  { isMet: ({ mirostat }) => mirostat === true, settings: ['mirostat'], lack: 'has no mirostat' },
  {
    isMet: ({ samplers }) => samplers !== undefined,
    settings: ['temperatureRange'],
    lack: 'has no dynamic temperature',
  },
  { isMet: hasSampler('noRepeatNgram'), settings: ['noRepeatNgramSize'], lack: 'has no such sampler' },
  { isMet: hasSampler('dry'), settings: ['dryMultiplier'], lack: 'has no such sampler' },
  { isMet: hasSampler('topNSigma'), settings: ['topNSigma'], lack: 'has no such sampler' },
  { isMet: hasSampler('typicalP'), settings: ['typicalP'], lack: 'has no such sampler' },
  { isMet: hasSampler('xtc'), settings: ['xtcProbability'], lack: 'has no such sampler' },
  { isMet: hasSampler('adaptiveP'), settings: ['adaptiveTarget'], lack: 'has no such sampler' },
];

/** Throws `unsupported_capability` if a request asks for what the model cannot do. Nothing has been fetched for it yet. */
export function requireCapabilities(request: ParsedRequest, { capabilities }: ModelInfo): void {
  const image = firstPicture(request);
  if (image !== undefined && !capabilities.vision) {
    const message = 'This model does not support images: it has no vision projector (mmproj). Remove the images.';
    throw unsupported(message, image.param);
  }
  const asked = mediaReferences(request).filter((reference) => reference.type !== 'frames');
  const bounded = [...imageReferences(request), ...asked].find(({ budget }) => budget?.minPixels ?? budget?.maxPixels);
  if (bounded !== undefined && capabilities.imageBudgets !== true) {
    const param = bounded.budget?.param ?? bounded.param;
    throw unsupported(`This model has one size for images: leave min_pixels and max_pixels out of ${param}.`, param);
  }
  if (request.prompt !== undefined && capabilities.rawPrompts !== true) {
    throw unsupported('This model takes conversations only: send messages to /v1/chat/completions.', 'prompt');
  }
  if (!request.template.addGenerationPrompt && capabilities.prefill !== true) {
    const message = "This model cannot continue a message: end the conversation with the user's or a tool's.";
    throw unsupported(message, 'messages');
  }
  const biased = request.biasTexts?.[0]?.param;
  if (biased !== undefined && capabilities.answerControl !== true) {
    throw unsupported(`This model cannot be told that: leave out ${biased}.`, biased);
  }
  const { maxChoices = 1 } = capabilities;
  if (request.choices > maxChoices) {
    const param = request.askedBy.choices ?? '';
    const most = maxChoices === 1 ? 'one answer' : `at most ${String(maxChoices)} answers`;
    throw unsupported(`This model gives ${most} to a request: ${param} is ${String(request.choices)}.`, param);
  }
  for (const { isMet, settings, lack } of NEEDS) {
    if (isMet(capabilities)) continue;
    const setting = settings.find((setting) => asksFor(request, setting));
    if (setting === undefined) continue;
    const param = request.askedBy[setting] ?? '';
    throw unsupported(`This model ${lack}: leave out ${param}.`, param);
  }
}

function asksFor(request: ParsedRequest, setting: Setting): boolean {
  if (setting === 'tools') return request.tools !== undefined && request.tools.choice !== 'none';
  if (isSampling(setting)) {
    const value = request.sampling[setting];
    return value !== undefined && !isDeepStrictEqual(value, SAMPLING_DEFAULTS[setting]);
  }
  return !isDeepStrictEqual(request[setting], GENERATION_DEFAULTS[setting]);
}

function isSampling(setting: Setting): setting is keyof SamplingSettings {
  return Object.hasOwn(SAMPLING_DEFAULTS, setting);
}

function unsupported(message: string, param: string): VserveError {
  return new VserveError('unsupported_capability', message, { param });
}
