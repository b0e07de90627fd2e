import type { CheckpointFolder } from '../checkpoint/checkpoint-folder.ts';
import { bool, float32Array, int32Array, string, stringArray } from '../gguf/key-values.ts';
import type { KeyValues } from '../gguf/key-values.ts';
import { readSentencePieceVocabulary } from './sentencepiece-vocabulary.ts';
import { writeSpecialTokens } from './special-tokens.ts';

/**
 * Writes a SentencePiece vocabulary of `vocabularySize` tokens, the special tokens and the chat template.
 *
 * Throws `tokenizer_unsupported` without tokenizer.model and tokenizer.json, `checkpoint_invalid`.
 */
export async function writeSentencePieceTokenizer(
  folder: CheckpointFolder,
  keyValues: KeyValues,
  vocabularySize: number,
): Promise<void> {
  const { tokens, scores, types, prependsSpace } = await readSentencePieceVocabulary(folder, vocabularySize);
  keyValues
    .set('tokenizer.ggml.model', string('llama'))
    .set('tokenizer.ggml.pre', string('default'))
    .set('tokenizer.ggml.tokens', stringArray(tokens))
    .set('tokenizer.ggml.scores', float32Array(scores))
    .set('tokenizer.ggml.token_type', int32Array(types));
  if (prependsSpace === false) keyValues.set('tokenizer.ggml.add_space_prefix', bool(false));
  await writeSpecialTokens(folder, keyValues, { vocabularySize, assumesBos: true });
}
