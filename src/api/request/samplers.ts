import { z } from 'zod';
import type { SamplerName } from '../../backend/index.ts';
import type { Kind } from './kinds.ts';

/** Each takes time for every token, and may be given more than once. */
const MAX_SAMPLERS = 32;

/** llama-server's names, without hyphens and underscores: it knows them with and without. */
const NAMES: ReadonlyMap<string, SamplerName> = new Map([
  ['penalties', 'penalties'],
  ['norepeatngram', 'noRepeatNgram'],
  ['dry', 'dry'],
  ['topnsigma', 'topNSigma'],
  ['temperature', 'temperature'],
  ['temp', 'temperature'],
  ['topk', 'topK'],
  ['typp', 'typicalP'],
  ['typ', 'typicalP'],
  ['typical', 'typicalP'],
  ['typicalp', 'typicalP'],
  ['topp', 'topP'],
  ['nucleus', 'topP'],
  ['minp', 'minP'],
  ['xtc', 'xtc'],
  ['adaptivep', 'adaptiveP'],
]);

const LETTERS: ReadonlyMap<string, SamplerName> = new Map([
  ['e', 'penalties'],
  ['d', 'dry'],
  ['s', 'topNSigma'],
  ['t', 'temperature'],
  ['k', 'topK'],
  ['y', 'typicalP'],
  ['p', 'topP'],
  ['m', 'minP'],
  ['x', 'xtc'],
  ['a', 'adaptiveP'],
]);

const WORDS =
  'penalties, no_repeat_ngram, dry, top_n_sigma, temperature, top_k, typ_p, top_p, min_p, xtc and adaptive_p';

/** An order of samplers as llama-server takes it, a list of names or a string of letters. Empty counts as absent. */
export const SAMPLERS: Kind<readonly SamplerName[] | undefined> = {
  expected: `a list of ${WORDS} in the order to apply them, or their letters (${[...LETTERS.keys()].join(', ')})`,
  schema: z
    .union([
      z.string().transform((letters) => Array.from(letters, (letter) => LETTERS.get(letter))),
      z.array(z.string().transform(named)),
    ])
    .refine((samplers) => samplers.length <= MAX_SAMPLERS)
    .refine((samplers): samplers is SamplerName[] => !samplers.includes(undefined))
    .transform((samplers) => (samplers.length === 0 ? undefined : withNgrams(samplers))),
};

function named(name: string): SamplerName | undefined {
  return NAMES.get(name.toLowerCase().replaceAll(/[-_]/g, ''));
}

/** llama-server does not know this one, so a list without it does not mean to switch it off. */
function withNgrams(samplers: readonly SamplerName[]): readonly SamplerName[] {
  return samplers.includes('noRepeatNgram') ? samplers : ['noRepeatNgram', ...samplers];
}
