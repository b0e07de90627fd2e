import { VserveError } from '../../errors/index.ts';
import type { CheckpointFolder } from '../checkpoint/checkpoint-folder.ts';
import { parseConfig } from '../checkpoint/parse-config.ts';
import { int32Array, string, stringArray } from '../gguf/key-values.ts';
import type { KeyValues } from '../gguf/key-values.ts';
import { writeBpeTokenizer } from './bpe-tokenizer.ts';
import { pieceTypes } from './sentencepiece-model.ts';
import { writeSpecialTokens } from './special-tokens.ts';
import { mergesOf, parseTiktoken } from './tiktoken.ts';
import { decoderSchema } from './tokenizer-json.ts';

/** TikTokenTokenizer, part of the checkpoints, has this many special tokens, named or not. */
const specialTokenCount = 256;

/**
 * Writes Kimi's vocabulary: that of tokenizer.json, where there is one, else of tiktoken.model, by the rules of
 * convert_hf_to_gguf.py (`DeepseekV2Model.set_vocab`).
 *
 * Throws `tokenizer_unsupported` without either, `checkpoint_invalid`.
 */
export async function writeKimiTokenizer(
  folder: CheckpointFolder,
  keyValues: KeyValues,
  vocabularySize: number,
): Promise<void> {
  if ((await folder.has('tokenizer.json')) || !(await folder.has('tiktoken.model'))) {
    return writeBpeTokenizer(folder, keyValues, vocabularySize);
  }
  const ranks = parseTiktoken(await folder.text('tiktoken.model'), 'tiktoken.model');
  const config = (await folder.optionalJson('tokenizer_config.json')) ?? {};
  const { added_tokens_decoder: added } = parseConfig(decoderSchema, config, 'tokenizer_config.json');
  const tokens = Array.from({ length: vocabularySize }, (_, id) => `[PAD${id}]`);
  const types = Array.from({ length: vocabularySize }, (): number => pieceTypes.unused);
  const set = (id: number, token: string, type: number): void => {
    if (id >= vocabularySize) {
      const message = `tiktoken.model needs more than the ${vocabularySize} tokens that config.json gives. The files do not match.`;
      throw new VserveError('checkpoint_invalid', message);
    }
    tokens[id] = token;
    types[id] = type;
  };
  for (const [token, rank] of ranks) set(rank, token, pieceTypes.normal);
  for (let id = ranks.size; id < ranks.size + specialTokenCount; id++) {
    set(id, added[String(id)]?.content ?? `<|reserved_token_${id}|>`, pieceTypes.control);
  }
  keyValues
    .set('tokenizer.ggml.model', string('gpt2'))
    .set('tokenizer.ggml.pre', string('kimi-k2'))
    .set('tokenizer.ggml.tokens', stringArray(tokens))
    .set('tokenizer.ggml.token_type', int32Array(types))
    .set('tokenizer.ggml.merges', stringArray(mergesOf(ranks)));
  return writeSpecialTokens(folder, keyValues);
}
