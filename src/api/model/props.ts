import type { ModelInfo, SamplingSettings } from '../../backend/index.ts';
import type { ParsedRequest } from '../parsed-request.ts';
import { GENERATION_DEFAULTS, SAMPLING_DEFAULTS } from '../request-defaults.ts';
import { readable } from './readable-number.ts';
import type { ServedModel } from './served-model.ts';

/** llama-server's name of each sampling setting. */
const PARAMS: Readonly<Record<keyof SamplingSettings, string>> = {
  temperature: 'temperature',
  temperatureRange: 'dynatemp_range',
  temperatureExponent: 'dynatemp_exponent',
  topP: 'top_p',
  topK: 'top_k',
  minP: 'min_p',
  typicalP: 'typical_p',
  topNSigma: 'top_n_sigma',
  minKeep: 'min_keep',
  xtcProbability: 'xtc_probability',
  xtcThreshold: 'xtc_threshold',
  adaptiveTarget: 'adaptive_target',
  adaptiveDecay: 'adaptive_decay',
  mirostat: 'mirostat',
  mirostatTau: 'mirostat_tau',
  mirostatEta: 'mirostat_eta',
  seed: 'seed',
  frequencyPenalty: 'frequency_penalty',
  presencePenalty: 'presence_penalty',
  repetitionPenalty: 'repeat_penalty',
  penaltyWindow: 'repeat_last_n',
  noRepeatNgramSize: 'no_repeat_ngram_size',
  noRepeatNgramWindow: 'no_repeat_ngram_window',
  noRepeatNgramPrompt: 'no_repeat_ngram_prompt',
  noRepeatNgramAllowed: 'no_repeat_ngram_allowed',
  dryMultiplier: 'dry_multiplier',
  dryBase: 'dry_base',
  dryAllowedLength: 'dry_allowed_length',
  dryWindow: 'dry_penalty_last_n',
  dryBreakers: 'dry_sequence_breakers',
  logitBias: 'logit_bias',
  samplers: 'samplers',
};

/** llama-server's names of the samplers. */
const SAMPLERS: Readonly<Record<SamplingSettings['samplers'][number], string>> = {
  penalties: 'penalties',
  noRepeatNgram: 'no_repeat_ngram',
  dry: 'dry',
  topNSigma: 'top_n_sigma',
  temperature: 'temperature',
  topK: 'top_k',
  typicalP: 'typ_p',
  topP: 'top_p',
  minP: 'min_p',
  xtc: 'xtc',
  adaptiveP: 'adaptive_p',
};

/** llama-server's `/props`. */
export interface PropsJson {
  readonly default_generation_settings: {
    readonly params: Readonly<Record<string, unknown>>;
    /** Tokens of one conversation. */
    readonly n_ctx: number;
  };
  /** Conversations at the same time. */
  readonly total_slots: number;
  readonly model_alias: string;
  /** The served name: where the model is stored is nobody's business. */
  readonly model_path: string;
  readonly model_ftype?: string;
  readonly modalities: { readonly vision: boolean; readonly audio: false; readonly video: false };
  readonly endpoint_slots: boolean;
  readonly endpoint_props: false;
  readonly endpoint_metrics: false;
  readonly chat_template?: string;
  readonly chat_template_caps: { readonly supports_tools: boolean; readonly supports_tool_calls: boolean };
  readonly bos_token?: string;
  readonly eos_token?: string;
  readonly build_info: string;
  /** Whether it is not in memory, and loads at a request. */
  readonly is_sleeping: boolean;
}

export interface PropsOptions {
  readonly version: string;
  readonly isSleeping?: boolean;
  /** Whether `/slots` answers. */
  readonly hasSlots: boolean;
}

export function propsJson(
  { name, info }: ServedModel,
  { version, hasSlots, isSleeping = false }: PropsOptions,
): PropsJson {
  const { capabilities, contextLength, maxBatchSize, description = {} } = info;
  const { chatTemplate, bosToken, eosToken, quantization } = description;
  const calls = capabilities.tools === true;
  return {
    default_generation_settings: { params: paramsOf(info), n_ctx: contextLength },
    total_slots: maxBatchSize,
    model_alias: name,
    model_path: name,
    ...(quantization === undefined ? {} : { model_ftype: quantization }),
    modalities: { vision: capabilities.vision, audio: false, video: false },
    endpoint_slots: hasSlots,
    endpoint_props: false,
    endpoint_metrics: false,
    ...(chatTemplate === undefined ? {} : { chat_template: chatTemplate }),
    chat_template_caps: { supports_tools: calls, supports_tool_calls: calls },
    ...(bosToken === undefined ? {} : { bos_token: bosToken }),
    ...(eosToken === undefined ? {} : { eos_token: eosToken }),
    build_info: `vserve-${version}`,
    is_sleeping: isSleeping,
  };
}

/** llama-server's account of a server of several models. */
export interface RouterPropsJson {
  readonly role: 'router';
  /** Null for as many as memory has room for. */
  readonly max_instances: number | null;
  readonly models_autoload: true;
  readonly build_info: string;
}

export function routerPropsJson(version: string, maxLoaded: number | undefined): RouterPropsJson {
  return { role: 'router', max_instances: maxLoaded ?? null, models_autoload: true, build_info: `vserve-${version}` };
}

/** What a request may set for itself. */
type OwnSettings = Pick<ParsedRequest, 'sampling'> & Partial<Pick<ParsedRequest, 'stop' | 'ignoreEos' | 'maxTokens'>>;

const NOTHING: OwnSettings = { sampling: {} };

/** llama-server's settings of a generation, by its names: those of a request, the model's, or what holds else. */
export function paramsOf(
  { samplingDefaults, generationDefaults }: ModelInfo,
  request: OwnSettings = NOTHING,
): Record<string, unknown> {
  const sampling = { ...SAMPLING_DEFAULTS, ...samplingDefaults, ...request.sampling };
  const defaults = { ...GENERATION_DEFAULTS, ...generationDefaults };
  const { stop = defaults.stop, ignoreEos = defaults.ignoreEos, maxTokens = defaults.maxTokens ?? -1 } = request;
  return {
    ...Object.fromEntries(
      Object.entries(PARAMS).map(([setting, name]) => [name, readable(sampling[setting as keyof SamplingSettings])]),
    ),
    seed: sampling.seed ?? -1,
    samplers: sampling.samplers.map((sampler) => SAMPLERS[sampler]),
    max_tokens: maxTokens,
    n_predict: maxTokens,
    stop,
    ignore_eos: ignoreEos,
  };
}
