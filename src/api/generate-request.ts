import type {
  Bitmap,
  ContentPart,
  GenerateRequest,
  ModelInfo,
  SamplerName,
  SamplingSettings,
} from '../backend/index.ts';
import type { ImageReference, MediaReference, ParsedPart, ParsedPromptPart, ParsedRequest } from './parsed-request.ts';
import { pick } from './request/pick.ts';
import { GENERATION_DEFAULTS, SAMPLING_DEFAULTS } from './request-defaults.ts';

type ImagePart = Extract<ContentPart, { readonly type: 'image' }>;

/** The samplers of every backend. */
const BASIC_SAMPLERS: readonly SamplerName[] = ['penalties', 'temperature', 'topK', 'topP', 'minP'];

/** What switches each sampler on. */
const SWITCHES: Readonly<Record<SamplerName, readonly (keyof SamplingSettings)[]>> = {
  penalties: ['frequencyPenalty', 'presencePenalty', 'repetitionPenalty'],
  noRepeatNgram: ['noRepeatNgramSize'],
  dry: ['dryMultiplier'],
  topNSigma: ['topNSigma'],
  temperature: ['temperature', 'temperatureRange'],
  topK: ['topK'],
  topP: ['topP'],
  minP: ['minP'],
  typicalP: ['typicalP'],
  xtc: ['xtcProbability'],
  adaptiveP: ['adaptiveTarget'],
};

/** The request's order; else the model's, and behind it what the model leaves out and the request asks for. */
function orderOf(given: Partial<SamplingSettings>, model: Partial<SamplingSettings>): readonly SamplerName[] {
  if (given.samplers !== undefined) return given.samplers;
  const order = model.samplers ?? SAMPLING_DEFAULTS.samplers;
  const isAskedFor = (name: SamplerName): boolean => SWITCHES[name].some((setting) => given[setting] !== undefined);
  return [...order, ...SAMPLING_DEFAULTS.samplers.filter((name) => !order.includes(name) && isAskedFor(name))];
}

type ModelDefaults = Pick<ModelInfo, 'samplingDefaults' | 'generationDefaults' | 'capabilities'>;

/** A request that sets the size of its n-grams does not want the model's other settings of them. */
function yielding(defaults: Partial<SamplingSettings>, given: Partial<SamplingSettings>): Partial<SamplingSettings> {
  if (given.noRepeatNgramSize === undefined) return defaults;
  const { noRepeatNgramWindow, noRepeatNgramPrompt, noRepeatNgramAllowed } = SAMPLING_DEFAULTS;
  return { ...defaults, noRepeatNgramWindow, noRepeatNgramPrompt, noRepeatNgramAllowed };
}

/** Of two that contradict each other, the request's holds. */
function lengthsOf(
  { minTokens, maxTokens, askedBy }: ParsedRequest,
  defaults: NonNullable<ModelInfo['generationDefaults']>,
): Pick<GenerateRequest, 'minTokens' | 'maxTokens'> {
  const least = askedBy.minTokens === undefined ? (defaults.minTokens ?? minTokens) : minTokens;
  const most = askedBy.maxTokens === undefined ? (defaults.maxTokens ?? maxTokens) : maxTokens;
  if (most === undefined || least <= most) return { minTokens: least, maxTokens: most };
  return askedBy.maxTokens === undefined
    ? { minTokens: least, maxTokens: least }
    : { minTokens: most, maxTokens: most };
}

/**
 * Converts a request for the backend and fills in defaults: the request's settings override the model's, which override
 * MAX's. Its documents and videos were opened. `images` are the bitmaps of `imageReferences(request)`, in that order. What the model lacks is left out where
 * that changes nothing: samplers that are off, and tools that must not be called.
 */
export function toGenerateRequest(
  request: ParsedRequest,
  { samplingDefaults, generationDefaults = {}, capabilities }: ModelDefaults,
  images: readonly Bitmap[],
): GenerateRequest {
  const { messages, prompt, template, sampling: given } = request;
  const { tools, ...settings } = pick(request, GENERATION_DEFAULTS);
  const remaining = images.values();
  type Plain<Part> = Exclude<Part, ImageReference | MediaReference>;
  const resolved = <Part extends ParsedPart | ParsedPromptPart>(part: Part): Plain<Part> | ImagePart => {
    if (part.type === 'document' || part.type === 'video' || part.type === 'frames')
      throw new TypeError(`${part.param} was not opened.`);
    if (part.type !== 'image') return part as Plain<Part>;
    const { value } = remaining.next();
    if (value === undefined) throw new TypeError(`The image at ${part.param} was not resolved.`);
    const budget = capabilities.imageBudgets === true ? part.budget : undefined;
    const { param, videoPosition } = part;
    return {
      type: 'image',
      image: value,
      param,
      ...(budget === undefined ? {} : { budget }),
      ...(videoPosition === undefined ? {} : { videoPosition }),
    };
  };
  const sampling = { ...SAMPLING_DEFAULTS, ...yielding(samplingDefaults, given), ...given };
  const samplers = new Set([...BASIC_SAMPLERS, ...(capabilities.samplers ?? [])]);
  return {
    messages: messages.map((message) => ({ ...message, content: message.content.map(resolved) })),
    prompt: prompt?.map(resolved),
    template,
    askedSampling: { ...samplingDefaults, ...given },
    sampling: { ...sampling, samplers: orderOf(given, samplingDefaults).filter((name) => samplers.has(name)) },
    tools: capabilities.tools === true ? tools : undefined,
    ...settings,
    ...lengthsOf(request, generationDefaults),
  };
}
