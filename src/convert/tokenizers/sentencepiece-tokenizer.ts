import { VserveError } from '../../errors/index.ts';
import type { CheckpointFolder } from '../checkpoint/checkpoint-folder.ts';
import { float32Array, int32Array, string, stringArray } from '../gguf/key-values.ts';
import type { KeyValues } from '../gguf/key-values.ts';
import { readSentencePieceVocabulary } from './sentencepiece-vocabulary.ts';
import { writeSpecialTokens } from './special-tokens.ts';

/**
 * Writes a SentencePiece vocabulary of `vocabularySize` tokens, the special tokens and the chat template.
 *
 * @throws VserveError `tokenizer_unsupported` without a tokenizer.model, `checkpoint_invalid`
 */
export async function writeSentencePieceTokenizer(
  folder: CheckpointFolder,
  keyValues: KeyValues,
  vocabularySize: number,
): Promise<void> {
  if (!(await folder.has('tokenizer.model'))) {
    const message = `${folder.path} holds no tokenizer.model, and this architecture cannot be converted without one. Take it from the model that this one was made from.`;
    throw new VserveError('tokenizer_unsupported', message);
  }
  const { tokens, scores, types } = await readSentencePieceVocabulary(folder, vocabularySize);
  keyValues
    .set('tokenizer.ggml.model', string('llama'))
    .set('tokenizer.ggml.pre', string('default'))
    .set('tokenizer.ggml.tokens', stringArray(tokens))
    .set('tokenizer.ggml.scores', float32Array(scores))
    .set('tokenizer.ggml.token_type', int32Array(types));
  await writeSpecialTokens(folder, keyValues, { vocabularySize });
}
