import { z } from 'zod';
import type { CheckpointFolder } from '../checkpoint/checkpoint-folder.ts';
import { parseConfig } from '../checkpoint/parse-config.ts';
import { bool } from '../gguf/key-values.ts';
import type { KeyValues } from '../gguf/key-values.ts';
import { writeBpeTokenizer } from './bpe-tokenizer.ts';
import { isByteFallback } from './byte-fallback-pieces.ts';
import { writeByteFallbackTokenizer } from './byte-fallback-tokenizer.ts';
import { writeSentencePieceTokenizer } from './sentencepiece-tokenizer.ts';
import { tekkenFile, writeTekkenTokenizer } from './tekken-tokenizer.ts';

const tokenizerSchema = z.looseObject({ add_prefix_space: z.boolean().nullish() });
/** Vocabularies of this size are those of Granite's and SmolLM's tokenizers, which add no BOS token. */
const sizeWithoutBos = 49_152;

/**
 * Writes the tokenizer of Llama and of the models built like it, of whichever kind it is: Tekken, SentencePiece, that in
 * Hugging Face's form, or byte-level BPE.
 *
 * Throws `tokenizer_unsupported`, `checkpoint_invalid`.
 */
export async function writeLlamaTokenizer(
  folder: CheckpointFolder,
  keyValues: KeyValues,
  architecture: string,
  vocabularySize: number,
): Promise<void> {
  const tokenizer = await folder.optionalJson('tokenizer.json');
  if (tokenizer === undefined && (await folder.has(tekkenFile))) {
    return writeTekkenTokenizer(folder, keyValues, architecture, vocabularySize);
  }
  const tokenizerConfig = (await folder.optionalJson('tokenizer_config.json')) ?? {};
  const { add_prefix_space: addSpace } = parseConfig(tokenizerSchema, tokenizerConfig, 'tokenizer_config.json');
  if (typeof addSpace === 'boolean') keyValues.set('tokenizer.ggml.add_space_prefix', bool(addSpace));
  if (await folder.has('tokenizer.model')) await writeSentencePieceTokenizer(folder, keyValues, vocabularySize);
  else if (tokenizer !== undefined && isByteFallback(tokenizer)) {
    await writeByteFallbackTokenizer(folder, keyValues, tokenizer, vocabularySize);
  } else await writeBpeTokenizer(folder, keyValues, vocabularySize);
  if (vocabularySize === sizeWithoutBos) keyValues.set('tokenizer.ggml.add_bos_token', bool(false));
}
