import type { GenerateRequest, SamplerName, SamplingSettings } from '../../../src/backend/index.ts';
import type { Dialect } from '../dialect.ts';
import { having, isIn } from '../dialect.ts';
import { unsupported } from './unsupported.ts';

type Value = SamplingSettings[keyof SamplingSettings];

interface Field {
  readonly name: string;
  readonly of: readonly Dialect[];
  /** What changes nothing: it is not sent where the field is unknown. */
  readonly off: Value;
}

type Special = 'logitBias' | 'samplers' | 'repetitionPenalty' | `noRepeatNgram${string}`;
type Plain = Exclude<keyof SamplingSettings, Special>;

const { all, engines, llamaLike } = having;

const FIELDS: Readonly<Record<Plain, Field>> = {
  temperature: { name: 'temperature', of: all, off: undefined },
  topP: { name: 'top_p', of: all, off: 1 },
  seed: { name: 'seed', of: all, off: undefined },
  frequencyPenalty: { name: 'frequency_penalty', of: all, off: 0 },
  presencePenalty: { name: 'presence_penalty', of: all, off: 0 },
  topK: { name: 'top_k', of: engines, off: -1 },
  minP: { name: 'min_p', of: engines, off: 0 },
  temperatureRange: { name: 'dynatemp_range', of: llamaLike, off: 0 },
  temperatureExponent: { name: 'dynatemp_exponent', of: llamaLike, off: 1 },
  typicalP: { name: 'typical_p', of: llamaLike, off: 1 },
  topNSigma: { name: 'top_n_sigma', of: llamaLike, off: -1 },
  minKeep: { name: 'min_keep', of: llamaLike, off: 0 },
  xtcProbability: { name: 'xtc_probability', of: llamaLike, off: 0 },
  xtcThreshold: { name: 'xtc_threshold', of: llamaLike, off: 0.1 },
  adaptiveTarget: { name: 'adaptive_target', of: llamaLike, off: -1 },
  adaptiveDecay: { name: 'adaptive_decay', of: llamaLike, off: 0.9 },
  mirostat: { name: 'mirostat', of: llamaLike, off: 0 },
  mirostatTau: { name: 'mirostat_tau', of: llamaLike, off: 5 },
  mirostatEta: { name: 'mirostat_eta', of: llamaLike, off: 0.1 },
  penaltyWindow: { name: 'repeat_last_n', of: llamaLike, off: -1 },
  dryMultiplier: { name: 'dry_multiplier', of: llamaLike, off: 0 },
  dryBase: { name: 'dry_base', of: llamaLike, off: 1.75 },
  dryAllowedLength: { name: 'dry_allowed_length', of: llamaLike, off: 2 },
  dryWindow: { name: 'dry_penalty_last_n', of: llamaLike, off: -1 },
  dryBreakers: { name: 'dry_sequence_breakers', of: llamaLike, off: undefined },
};

/** llama-server's names. */
const SAMPLERS: Readonly<Record<SamplerName, string>> = {
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

/** OpenAI's bias of a token that never comes. */
const NEVER = -100;

/**
 * The fields that ask for samplings, of those settings that are given: the others are up to the upstream. Throws
 * `unsupported_capability`.
 */
export function samplingFields(sampling: Partial<SamplingSettings>, dialect: Dialect): Record<string, unknown> {
  return {
    ...plainFields(sampling, dialect),
    ...repetitionFields(sampling, dialect),
    ...ngramFields(sampling, dialect),
    ...biasFields(sampling, dialect),
    ...orderFields(sampling, dialect),
  };
}

/** What a request asks for; of a caller that does not tell, all but the order of the samplers. */
export function askedSampling({ askedSampling: asked, sampling }: GenerateRequest): Partial<SamplingSettings> {
  if (asked !== undefined) return asked;
  const { samplers: _, ...settings } = sampling;
  return settings;
}

function plainFields(sampling: Partial<SamplingSettings>, dialect: Dialect): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  for (const [setting, { name, of, off }] of Object.entries(FIELDS) as [Plain, Field][]) {
    const value = sampling[setting];
    if (value === undefined) continue;
    if (isIn(of, dialect)) fields[name] = value;
    // What only tunes a sampler that is off cannot be missed.
    else if (value !== off && SWITCHES.includes(setting)) throw unsupported(name, dialect);
  }
  return fields;
}

/** Settings that change the answer whatever the others are. */
const SWITCHES: readonly Plain[] = [
  'topK',
  'minP',
  'temperatureRange',
  'typicalP',
  'topNSigma',
  'xtcProbability',
  'adaptiveTarget',
  'mirostat',
  'penaltyWindow',
  'dryMultiplier',
];

function repetitionFields({ repetitionPenalty: penalty }: Partial<SamplingSettings>, dialect: Dialect): object {
  if (penalty === undefined) return {};
  if (dialect === 'llama-server') return { repeat_penalty: penalty };
  if (dialect !== 'openai') return { repetition_penalty: penalty };
  if (penalty !== 1) throw unsupported('repetition_penalty', dialect);
  return {};
}

/** As vLLM's processor for DeepSeek-OCR takes them, which does not look at the prompt; or as Hugging Face's, which does. */
function ngramFields(sampling: Partial<SamplingSettings>, dialect: Dialect): object {
  const { noRepeatNgramSize: size = 0, noRepeatNgramPrompt, noRepeatNgramAllowed: allowed = [] } = sampling;
  if (size === 0) return {};
  if (dialect !== 'vserve') throw unsupported('no_repeat_ngram_size', dialect);
  const { noRepeatNgramWindow: window } = sampling;
  const windowed = window === undefined ? {} : { window_size: window };
  const name = noRepeatNgramPrompt === true ? 'no_repeat_ngram_size' : 'vllm_xargs';
  if (name === 'no_repeat_ngram_size') {
    return { [name]: size, ...(window === undefined ? {} : { no_repeat_ngram_window: window }) };
  }
  return {
    [name]: {
      no_repeat_ngram_size: size,
      ...windowed,
      ...(allowed.length === 0 ? {} : { whitelist_token_ids: allowed }),
    },
  };
}

function biasFields({ logitBias = [] }: Partial<SamplingSettings>, dialect: Dialect): object {
  if (logitBias.length === 0) return {};
  if (!isIn(having.allButMax, dialect)) throw unsupported('logit_bias', dialect);
  return { logit_bias: Object.fromEntries(logitBias.map(({ token, bias }) => [token, Math.max(bias, NEVER)])) };
}

function orderFields({ samplers }: Partial<SamplingSettings>, dialect: Dialect): object {
  if (samplers === undefined) return {};
  if (!isIn(llamaLike, dialect)) throw unsupported('samplers', dialect);
  return { samplers: samplers.map((name) => SAMPLERS[name]) };
}
