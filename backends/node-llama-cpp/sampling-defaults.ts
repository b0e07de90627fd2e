import type { SamplerName, SamplingSettings } from '../../src/backend/index.ts';

/** llama.cpp's names of samplers, without what tells words apart, and those that it takes for others. */
const samplersByName: ReadonlyMap<string, SamplerName> = new Map<string, SamplerName>([
  ['penalties', 'penalties'],
  ['dry', 'dry'],
  ['topnsigma', 'topNSigma'],
  ['temperature', 'temperature'],
  ['temp', 'temperature'],
  ['topk', 'topK'],
  ['topp', 'topP'],
  ['nucleus', 'topP'],
  ['typp', 'typicalP'],
  ['typicalp', 'typicalP'],
  ['typical', 'typicalP'],
  ['typ', 'typicalP'],
  ['minp', 'minP'],
  ['xtc', 'xtc'],
  ['adaptivep', 'adaptiveP'],
]);

type Numbers = { readonly [Name in keyof SamplingSettings]?: number | undefined };

/**
 * The settings of a model's generation_config.json, which its GGUF file keeps under `general.sampling.*`. Anyone may have
 * written it: values that mean nothing are left out.
 *
 * @param sampling the values by what follows the prefix, as node-llama-cpp reads them
 */
export function samplingDefaultsOf(sampling: Readonly<Record<string, unknown>>): Partial<SamplingSettings> {
  const within = (key: string, least: number, most: number): number | undefined => {
    const value = sampling[key];
    const number = typeof value === 'number' || typeof value === 'bigint' ? Number(value) : NaN;
    return number >= least && number <= most ? number : undefined;
  };
  const topK = within('top_k', -Infinity, Infinity);
  const numbers: Numbers = {
    temperature: within('temp', 0, 1e6),
    topP: within('top_p', 0, 1),
    topK: topK !== undefined && topK <= 0 ? -1 : topK,
    minP: within('min_p', 0, 1),
    xtcProbability: within('xtc_probability', 0, 1),
    xtcThreshold: within('xtc_threshold', 0, 1),
    penaltyWindow: within('penalty_last_n', -1, Infinity),
    repetitionPenalty: within('penalty_repeat', 1e-6, 1e6),
    mirostatTau: within('mirostat_tau', 0, 1e6),
    mirostatEta: within('mirostat_eta', 0, 1e6),
  };
  return {
    ...Object.fromEntries(Object.entries(numbers).filter(([, value]) => value !== undefined)),
    ...mirostatOf(within('mirostat', 0, 2)),
    ...orderOf(sampling['sequence']),
  };
}

function mirostatOf(version: number | undefined): Pick<SamplingSettings, 'mirostat'> | undefined {
  return version === 0 || version === 1 || version === 2 ? { mirostat: version } : undefined;
}

/** `top_k;top_p;temperature`. llama.cpp has no `noRepeatNgram`: with it, the order says nothing of it. */
function orderOf(sequence: unknown): Pick<SamplingSettings, 'samplers'> | undefined {
  if (typeof sequence !== 'string') return undefined;
  const names = sequence.split(';').flatMap((name) => {
    const sampler = samplersByName.get(name.toLowerCase().replaceAll(/[\s_-]/gu, ''));
    return sampler === undefined ? [] : [sampler];
  });
  return names.length === 0 ? undefined : { samplers: ['noRepeatNgram', ...names] };
}
