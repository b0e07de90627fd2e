import { z } from 'zod';
import { generationKeys, unfollowedKey } from '../../gguf/generation-metadata.ts';
import type { CheckpointFolder, JsonObject } from '../checkpoint/checkpoint-folder.ts';
import { parseConfig } from '../checkpoint/parse-config.ts';
import { bool, float32, int32Array, KeyValues, string, uint32 } from '../gguf/key-values.ts';
import type { GgufValue } from '../gguf/key-values.ts';

const file = 'generation_config.json';
const tokenId = z.int32().min(0);
const count = z.int32().min(0).nullish();

const schema = z.looseObject({
  do_sample: z.boolean().nullish(),
  typical_p: z.number().nullish(),
  no_repeat_ngram_size: count,
  min_new_tokens: count,
  max_new_tokens: count,
  eos_token_id: z.union([tokenId, z.array(tokenId)]).nullish(),
  suppress_tokens: z.array(tokenId).nullish(),
  bad_words_ids: z.array(z.array(tokenId)).nullish(),
});

type Settings = z.output<typeof schema>;

/** Settings of transformers that would change answers and are not followed, with the values that change nothing. */
const unfollowed: Readonly<Record<string, readonly unknown[]>> = {
  begin_suppress_tokens: [],
  constraints: [],
  diversity_penalty: [0],
  dola_layers: [],
  encoder_no_repeat_ngram_size: [0],
  encoder_repetition_penalty: [1],
  epsilon_cutoff: [0],
  eta_cutoff: [0],
  exponential_decay_length_penalty: [],
  force_words_ids: [],
  forced_bos_token_id: [],
  forced_eos_token_id: [],
  guidance_scale: [1],
  max_length: [20],
  max_time: [],
  min_length: [0],
  num_beam_groups: [1],
  num_beams: [1],
  num_return_sequences: [1],
  penalty_alpha: [0],
  sequence_bias: [],
  stop_strings: [],
  top_h: [],
  watermarking_config: [],
};

/** Token texts by which llama.cpp knows the ends of answers by itself (llama-vocab.cpp). */
const knownEnds: ReadonlySet<string> = new Set([
  '<|eot_id|>',
  '<|im_end|>',
  '<|end|>',
  '<|return|>',
  '<|call|>',
  '<|flush|>',
  '<|calls|>',
  '<end_of_turn>',
  '<|endoftext|>',
  '</s>',
  '<|eom_id|>',
  '<EOT>',
  '_<EOT>',
  '[EOT]',
  '[EOS]',
  '<|end_of_text|>',
  '<end_of_utterance>',
  '<eos>',
  '<turn|>',
  '<|tool_response>',
  '<｜end▁of▁sentence｜>',
  '[e~[',
]);
const endKeys = ['eos', 'eot', 'eom'].map((kind) => `tokenizer.ggml.${kind}_token_id`);

/**
 * Writes what generation_config.json says and `writeGeneralMetadata` has no keys of llama.cpp's for. Reads the vocabulary,
 * which has to be written before. Returns what is not followed, a sentence for each setting.
 *
 * Throws `checkpoint_invalid`.
 */
export async function writeGenerationSettings(keyValues: KeyValues, folder: CheckpointFolder): Promise<string[]> {
  const { json, settings } = await settingsIn(folder);
  writeSettings(keyValues, settings, unknownEnds(settings, new Map(keyValues)));
  return warningsOf(json, settings);
}

/**
 * The same for a file that another program writes, and of which the vocabulary is not known here: all ends of answers are
 * named. Throws `checkpoint_invalid`.
 */
export async function generationSettings(
  folder: CheckpointFolder,
): Promise<{ readonly keyValues: KeyValues; readonly warnings: readonly string[] }> {
  const { json, settings } = await settingsIn(folder);
  const warnings = warningsOf(json, settings);
  const keyValues = new KeyValues().set(unfollowedKey, string(warnings.join('\n')));
  writeSettings(keyValues, settings, [settings.eos_token_id ?? []].flat());
  return { keyValues, warnings };
}

async function settingsIn(folder: CheckpointFolder): Promise<{ json: JsonObject; settings: Settings }> {
  const json = (await folder.optionalJson(file)) ?? {};
  return { json, settings: parseConfig(schema, json, file) };
}

function writeSettings(keyValues: KeyValues, settings: Settings, endTokens: readonly number[]): void {
  const set = (key: string, value: number | null | undefined, isOff: number, make: (value: number) => GgufValue) => {
    if (typeof value === 'number' && value !== isOff) keyValues.set(key, make(value));
  };
  if (settings.do_sample === false) keyValues.set(generationKeys.doSample, bool(false));
  set(generationKeys.typicalP, settings.typical_p, 1, float32);
  set(generationKeys.noRepeatNgramSize, settings.no_repeat_ngram_size, 0, uint32);
  set(generationKeys.minNewTokens, settings.min_new_tokens, 0, uint32);
  set(generationKeys.maxNewTokens, settings.max_new_tokens, 0, uint32);
  keyValues.set(generationKeys.endTokens, int32Array(endTokens));
  keyValues.set('tokenizer.ggml.suppress_tokens', int32Array(suppressed(settings)));
}

function unknownEnds({ eos_token_id: ends }: Settings, written: ReadonlyMap<string, GgufValue>): number[] {
  const tokens = written.get('tokenizer.ggml.tokens')?.value;
  const known = endKeys.map((key) => written.get(key)?.value);
  const isKnown = (id: number): boolean =>
    known.includes(id) || !Array.isArray(tokens) || knownEnds.has(String(tokens[id] ?? '</s>'));
  return [ends ?? []].flat().filter((id) => !isKnown(id));
}

/** As in transformers, a bad word is none if it ends the answer. */
function suppressed({ suppress_tokens: tokens, bad_words_ids: words, eos_token_id: ends }: Settings): number[] {
  const single = (words ?? []).flatMap((word) => (word.length === 1 ? word : []));
  const endIds = new Set([ends ?? []].flat());
  return [...new Set([...(tokens ?? []), ...single.filter((id) => !endIds.has(id))])];
}

function without(name: string, what: string): string {
  return `${file}: ${name} is not followed (${what}).`;
}

function warningsOf(json: JsonObject, { bad_words_ids: words }: Settings): string[] {
  const settings = Object.entries(unfollowed).flatMap(([name, idle]) => {
    const value = json[name];
    const isEmpty = value === undefined || value === null || (Array.isArray(value) && value.length === 0);
    return isEmpty || idle.includes(value) ? [] : [without(name, JSON.stringify(value).slice(0, 100))];
  });
  const longer = (words ?? []).filter((word) => word.length > 1).length;
  return longer === 0 ? settings : [...settings, without('bad_words_ids', `${longer} sequences of several tokens`)];
}
