import { readable } from '../model/readable-number.ts';
import type { ModelInfo, SamplingSettings } from '../../backend/index.ts';

/** Ollama's names of what a model may set. */
const NAMES: { readonly [Setting in keyof SamplingSettings]?: string } = {
  temperature: 'temperature',
  topP: 'top_p',
  topK: 'top_k',
  minP: 'min_p',
  typicalP: 'typical_p',
  repetitionPenalty: 'repeat_penalty',
  penaltyWindow: 'repeat_last_n',
  presencePenalty: 'presence_penalty',
  frequencyPenalty: 'frequency_penalty',
  mirostat: 'mirostat',
  mirostatTau: 'mirostat_tau',
  mirostatEta: 'mirostat_eta',
  seed: 'seed',
};

/** The model's own settings and the size of the context, as Ollama lists them: a name and a value a line. */
export function parametersText({ contextLength, samplingDefaults }: ModelInfo): string {
  const settings = Object.entries(NAMES) as [keyof SamplingSettings, string][];
  const lines = settings.flatMap(([setting, name]) => {
    const value = samplingDefaults[setting];
    return value === undefined ? [] : [`${name.padEnd(NAME_WIDTH)} ${JSON.stringify(readable(value))}`];
  });
  return [`${'num_ctx'.padEnd(NAME_WIDTH)} ${String(contextLength)}`, ...lines].join('\n');
}

const NAME_WIDTH = 30;
