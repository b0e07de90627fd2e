import type { GgufKeyValues } from './read-header.ts';
import { familyOf, numbersOf, textOf } from './values.ts';

const prefix = 'vserve.generation.';

/** Keys for settings of generation_config.json that llama.cpp has none for, by transformers' names. */
export const generationKeys = {
  doSample: `${prefix}do_sample`,
  typicalP: `${prefix}typical_p`,
  noRepeatNgramSize: `${prefix}no_repeat_ngram_size`,
  minNewTokens: `${prefix}min_new_tokens`,
  maxNewTokens: `${prefix}max_new_tokens`,
  /** Those of `eos_token_id` that llama.cpp would not know. */
  endTokens: `${prefix}eos_token_ids`,
} as const;

/** Settings of a checkpoint that are not followed, a line each. */
export const unfollowedKey = 'vserve.unfollowed_settings';

/** How answers are generated where a request does not say, besides what `general.sampling.*` says. */
export interface GenerationMetadata {
  readonly doSample: boolean | undefined;
  readonly typicalP: number | undefined;
  readonly noRepeatNgram: NoRepeatNgram | undefined;
  readonly minNewTokens: number | undefined;
  readonly maxNewTokens: number | undefined;
  /** Token ids. */
  readonly endTokens: readonly number[];
}

interface NoRepeatNgram {
  readonly size: number;
  /** Last tokens in which a sequence is looked for; -1 is all. */
  readonly window: number;
  /** Whether it is looked for in the prompt too, as transformers does. */
  readonly inPrompt: boolean;
  /** Texts of tokens that are never forbidden. */
  readonly allowed: readonly string[];
}

/** By llama.cpp's architecture: what the code that was published with the models asks for. They loop for ever without. */
const ofFamilies: ReadonlyMap<string, NoRepeatNgram> = new Map([
  ['deepseek2-ocr', { size: 30, window: 90, inPrompt: false, allowed: ['<td>', '</td>'] }],
]);

/** Reads `vserve.generation.*` of a file that anyone may have written: what means nothing is left out. */
export function generationMetadata(keyValues: GgufKeyValues): GenerationMetadata {
  const within = (key: string, least: number, most: number): number | undefined => {
    const [value, ...more] = numbersOf(keyValues, key) ?? [];
    return value !== undefined && more.length === 0 && value >= least && value <= most ? value : undefined;
  };
  const count = (key: string): number | undefined => {
    const value = within(key, 1, 2 ** 31 - 1);
    return Number.isInteger(value) ? value : undefined;
  };
  const doSample = keyValues.get(generationKeys.doSample);
  const size = count(generationKeys.noRepeatNgramSize);
  const typicalP = within(generationKeys.typicalP, 0, 1);
  return {
    doSample: typeof doSample === 'boolean' ? doSample : undefined,
    typicalP: typicalP === undefined ? undefined : asFloat32(typicalP),
    noRepeatNgram:
      size === undefined
        ? ofFamilies.get(familyOf(keyValues) ?? '')
        : { size, window: -1, inPrompt: true, allowed: [] },
    minNewTokens: count(generationKeys.minNewTokens),
    maxNewTokens: count(generationKeys.maxNewTokens),
    endTokens: (numbersOf(keyValues, generationKeys.endTokens) ?? []).filter((id) => Number.isInteger(id) && id >= 0),
  };
}

/** More than the digits that a float32 has would only tell how it was rounded. */
export function asFloat32(value: number): number {
  const float32Digits = 7;
  return Number(value.toPrecision(float32Digits));
}

/** The same for people, by transformers' names: `{ typical_p: 0.9, no_repeat_ngram_size: 30 }`. */
export function namedGeneration(keyValues: GgufKeyValues): Record<string, number | string> {
  const { doSample, typicalP, noRepeatNgram, minNewTokens, maxNewTokens, endTokens } = generationMetadata(keyValues);
  const { size, window, allowed = [] } = noRepeatNgram ?? {};
  const named: Readonly<Record<string, number | string | undefined>> = {
    do_sample: doSample === undefined ? undefined : String(doSample),
    typical_p: typicalP,
    no_repeat_ngram_size: size,
    no_repeat_ngram_window: window === -1 ? undefined : window,
    no_repeat_ngram_allowed: allowed.join(' ') || undefined,
    min_new_tokens: minNewTokens,
    max_new_tokens: maxNewTokens,
    eos_token_id: endTokens.join(' ') || undefined,
  };
  const known = Object.entries(named).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]));
  return Object.fromEntries(known);
}

const mostWarnings = 20;
const longestWarning = 300;

/** The settings of a checkpoint that are not followed: lines of a file that anyone may have written, fit for a log. */
export function unfollowedSettings(keyValues: GgufKeyValues): string[] {
  return (textOf(keyValues, unfollowedKey) ?? '')
    .split('\n', mostWarnings)
    .map((line) => line.replaceAll(/\p{C}/gu, '').slice(0, longestWarning))
    .filter((line) => line !== '');
}
