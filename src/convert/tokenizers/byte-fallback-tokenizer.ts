import { VserveError } from '../../errors/index.ts';
import type { CheckpointFolder, JsonObject } from '../checkpoint/checkpoint-folder.ts';
import { parseConfig } from '../checkpoint/parse-config.ts';
import { bool, float32Array, int32Array, string, stringArray } from '../gguf/key-values.ts';
import type { KeyValues } from '../gguf/key-values.ts';
import { byteToken, mergeScores, prependsSpace } from './byte-fallback-pieces.ts';
import { namedTokens } from './bpe-vocabulary.ts';
import { pieceTypes } from './sentencepiece-model.ts';
import { writeSpecialTokens } from './special-tokens.ts';
import { addedTokensSchema, bpeSchema, decoderSchema } from './tokenizer-json.ts';

/** Classes that have these special tokens where tokenizer_config.json names none. */
const llamaClasses = new Set(['LlamaTokenizer', 'LlamaTokenizerFast']);
const llamaTokens = { bos_token: '<s>', eos_token: '</s>', unk_token: '<unk>' };

/**
 * Writes a SentencePiece vocabulary in Hugging Face's form (`isByteFallback`) by the rules of gguf-py's `LlamaHfVocab`, but for the scores: with the same for all tokens, as
 * it has them, llama.cpp would merge differently. Where it has fewer than `vocabularySize` tokens,
 * unused ones follow: llama.cpp needs one for each row of the embedding.
 *
 * Throws `checkpoint_invalid`.
 */
export async function writeByteFallbackTokenizer(
  folder: CheckpointFolder,
  keyValues: KeyValues,
  tokenizer: JsonObject,
  vocabularySize: number,
): Promise<void> {
  const { model } = parseConfig(bpeSchema, tokenizer, 'tokenizer.json');
  const { tokens, types } = readVocabulary(model.vocab, await readAddedTokens(folder, tokenizer), vocabularySize);
  keyValues
    .set('tokenizer.ggml.model', string('llama'))
    .set('tokenizer.ggml.pre', string('default'))
    .set('tokenizer.ggml.tokens', stringArray(tokens))
    .set('tokenizer.ggml.scores', float32Array(mergeScores(tokens, model.merges)))
    .set('tokenizer.ggml.token_type', int32Array(types));
  if (!prependsSpace(tokenizer)) keyValues.set('tokenizer.ggml.add_space_prefix', bool(false));
  await writeSpecialTokens(folder, keyValues, { vocabularySize: tokens.length, assumesBos: true });
}

interface AddedTokens {
  readonly byId: ReadonlyMap<number, string>;
  /** Those that tokenizer_config.json names; transformers 5 marks others in tokenizer.json only. */
  readonly special: ReadonlySet<string>;
}

async function readAddedTokens(folder: CheckpointFolder, tokenizer: JsonObject): Promise<AddedTokens> {
  const config = (await folder.optionalJson('tokenizer_config.json')) ?? {};
  const { added_tokens: added } = parseConfig(addedTokensSchema, tokenizer, 'tokenizer.json');
  const { added_tokens_decoder: decoder } = parseConfig(decoderSchema, config, 'tokenizer_config.json');
  const byId = new Map(added.map(({ id, content }) => [id, content]));
  for (const [id, { content }] of Object.entries(decoder)) byId.set(Number(id), content);
  const isLlama = typeof config.tokenizer_class !== 'string' || llamaClasses.has(config.tokenizer_class);
  const marked = config.added_tokens_decoder === undefined ? added.filter((token) => token.special) : [];
  const named = namedTokens(isLlama ? { ...llamaTokens, ...config } : config);
  const special = new Set([...named, ...marked.map(({ content }) => content)]);
  return { byId, special };
}

/** The model's tokens, those added tokens that are not among them, and unused ones. */
function readVocabulary(
  vocab: Readonly<Record<string, number>>,
  { byId, special }: AddedTokens,
  size: number,
): { tokens: string[]; types: number[] } {
  const baseSize = Object.keys(vocab).length;
  const tokens = Array.from({ length: size }, (_, id) => `[PAD${id}]`);
  const types = Array.from({ length: size }, (): number => pieceTypes.unused);
  const further = [...byId].filter(([id]) => id >= baseSize).map(([id, text]) => [text, id] as const);
  for (const [text, id] of [...Object.entries(vocab), ...further]) {
    if (id >= size) {
      const message = `tokenizer.json has the token ${JSON.stringify(text)} with the id ${id}, but config.json allows only ${size} tokens. The files do not match.`;
      throw new VserveError('checkpoint_invalid', message);
    }
    tokens[id] = text;
    const isBase = id < baseSize;
    const kind = isBase ? pieceTypes.normal : pieceTypes.userDefined;
    types[id] = isBase && byteToken.test(text) ? pieceTypes.byte : special.has(text) ? pieceTypes.control : kind;
  }
  return { tokens, types };
}
