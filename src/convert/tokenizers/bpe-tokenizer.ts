import { Tokenizer } from '@huggingface/tokenizers';
import { VserveError } from '../../errors/index.ts';
import type { CheckpointFolder, JsonObject } from '../checkpoint/checkpoint-folder.ts';
import { parseConfig } from '../checkpoint/parse-config.ts';
import { int32Array, string, stringArray } from '../gguf/key-values.ts';
import type { KeyValues } from '../gguf/key-values.ts';
import { readBpeVocabulary } from './bpe-vocabulary.ts';
import { fingerprintOf } from './fingerprint.ts';
import { preTokenizerOf } from './pre-tokenizers.ts';
import { writeSpecialTokens } from './special-tokens.ts';
import type { SpecialTokenSettings } from './special-tokens.ts';
import { bpeSchema } from './tokenizer-json.ts';

/**
 * Writes the byte-level BPE vocabulary of tokenizer.json, filled up to `vocabularySize` tokens, with its merges, the
 * special tokens and the chat template, by the rules of convert_hf_to_gguf.py (`_set_vocab_gpt2`).
 *
 * Throws `tokenizer_unsupported` without a tokenizer.json, for another kind of tokenizer, and for a
 *   pre-tokenizer that llama.cpp does not have; `checkpoint_invalid`.
 */
export async function writeBpeTokenizer(
  folder: CheckpointFolder,
  keyValues: KeyValues,
  vocabularySize: number,
  specialTokens: SpecialTokenSettings = {},
): Promise<void> {
  const json = await folder.optionalJson('tokenizer.json');
  if (json === undefined) {
    const message = `${folder.path} has no tokenizer.json, which this architecture needs. Copy it from the base model.`;
    throw new VserveError('tokenizer_unsupported', message);
  }
  const config = (await folder.optionalJson('tokenizer_config.json')) ?? {};
  const { model } = parseConfig(bpeSchema, json, 'tokenizer.json');
  const tokenizer = openTokenizer(json, config);
  const fingerprint = fingerprintOf(tokenizer, config);
  const preTokenizer = preTokenizerOf(fingerprint);
  if (preTokenizer === undefined) {
    const message = `llama.cpp has no pre-tokenizer for this tokenizer (fingerprint ${fingerprint}). Copy tokenizer.json from the base model.`;
    throw new VserveError('tokenizer_unsupported', message);
  }
  const { tokens, types } = readBpeVocabulary(json, config, tokenizer, vocabularySize);
  keyValues
    .set('tokenizer.ggml.model', string('gpt2'))
    .set('tokenizer.ggml.pre', string(preTokenizer))
    .set('tokenizer.ggml.tokens', stringArray(tokens))
    .set('tokenizer.ggml.token_type', int32Array(types))
    .set('tokenizer.ggml.merges', stringArray(model.merges.map(mergeText)));
  await writeSpecialTokens(folder, keyValues, specialTokens);
}

function openTokenizer(json: JsonObject, config: JsonObject): Tokenizer {
  try {
    return new Tokenizer(json, config);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new VserveError('tokenizer_unsupported', `tokenizer.json cannot be used: ${reason}.`, { cause: error });
  }
}

/** A merge as one string. The newer form, a pair, may have spaces within its parts: they are written as U+0120. */
export function mergeText(merge: string | readonly string[]): string {
  return typeof merge === 'string' ? merge : merge.map((part) => part.replaceAll(' ', '\u0120')).join(' ');
}
