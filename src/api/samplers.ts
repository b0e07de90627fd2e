import { z } from 'zod';
import type { SamplerName } from '../backend/index.ts';
import type { Kind } from './kinds.ts';

/** Each takes time for every token, and may be given more than once. */
const MAX_SAMPLERS = 32;

/** An order of samplers as llama-server takes it, a list of names or a string of letters. Empty counts as absent. */
export const SAMPLERS: Kind<readonly SamplerName[] | undefined> = {
  expected:
    'a list of penalties, temperature, top_k, top_p and min_p in the order to apply them, or their letters (e, t, k, p, m)',
  schema: z
    .union([z.string().transform((letters) => Array.from(letters, lettered)), z.array(z.string().transform(named))])
    .refine((samplers) => samplers.length <= MAX_SAMPLERS && !samplers.includes(undefined))
    .transform((samplers) => (samplers.length === 0 ? undefined : samplers.filter((sampler) => isName(sampler)))),
};

/** Samplers that llama.cpp has, too. Requests that switch them on are refused, so their place does not matter. */
type SamplerThatIsOff = 'off';

function isName(sampler: SamplerName | SamplerThatIsOff | undefined): sampler is SamplerName {
  return sampler !== undefined && sampler !== 'off';
}

const NAMES: ReadonlyMap<string, SamplerName | SamplerThatIsOff> = new Map([
  ['penalties', 'penalties'],
  ['temperature', 'temperature'],
  ['temp', 'temperature'],
  ['topk', 'topK'],
  ['topp', 'topP'],
  ['nucleus', 'topP'],
  ['minp', 'minP'],
  ['dry', 'off'],
  ['topnsigma', 'off'],
  ['typp', 'off'],
  ['typ', 'off'],
  ['typicalp', 'off'],
  ['tfsz', 'off'],
  ['xtc', 'off'],
  ['adaptivep', 'off'],
]);

const LETTERS: ReadonlyMap<string, SamplerName | SamplerThatIsOff> = new Map([
  ['e', 'penalties'],
  ['t', 'temperature'],
  ['k', 'topK'],
  ['p', 'topP'],
  ['m', 'minP'],
  ['d', 'off'],
  ['s', 'off'],
  ['y', 'off'],
  ['x', 'off'],
  ['a', 'off'],
]);

/** llama.cpp also knows the names with hyphens, and without. */
function named(name: string): SamplerName | SamplerThatIsOff | undefined {
  return NAMES.get(name.toLowerCase().replaceAll(/[-_]/g, ''));
}

function lettered(letter: string): SamplerName | SamplerThatIsOff | undefined {
  return LETTERS.get(letter);
}
