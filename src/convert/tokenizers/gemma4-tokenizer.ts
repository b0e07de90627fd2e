import { z } from 'zod';
import { VserveError } from '../../errors/index.ts';
import type { CheckpointFolder, JsonObject } from '../checkpoint/checkpoint-folder.ts';
import { parseConfig } from '../checkpoint/parse-config.ts';
import { bool, float32Array, int32Array, string, stringArray } from '../gguf/key-values.ts';
import type { KeyValues } from '../gguf/key-values.ts';
import { mergeText } from './bpe-tokenizer.ts';
import { pieceTypes } from './sentencepiece-model.ts';
import { writeSpecialTokens } from './special-tokens.ts';
import { addedTokensSchema, bpeSchema, tokenSchema } from './tokenizer-json.ts';

/** Control tokens that the chat parser must see in the model's output. */
const visibleTokens = new Set([
  '<|channel>',
  '<channel|>',
  '<|tool_call>',
  '<tool_call|>',
  '<|tool_response>',
  '<tool_response|>',
  '<|"|>',
]);
/** The special tokens of transformers' GemmaTokenizer where tokenizer_config.json names none. */
const defaultTokens = {
  bos_token: '<bos>',
  eos_token: '<eos>',
  unk_token: '<unk>',
  pad_token: '<pad>',
  mask_token: '<mask>',
};
/** The score of every token. */
const score = -1000;

const gemmaSchema = bpeSchema.extend({
  model: bpeSchema.shape.model.extend({
    byte_fallback: z.literal(true, { error: 'Gemma 4 needs BPE with byte fallback' }),
  }),
});
const furtherSchema = z.looseObject({
  extra_special_tokens: z.union([z.array(tokenSchema), z.record(z.string(), tokenSchema)]).nullish(),
  additional_special_tokens: z.array(tokenSchema).nullish(),
  model_specific_special_tokens: z.record(z.string(), tokenSchema).nullish(),
});

/**
 * Writes the tokenizer of Gemma 4: BPE over characters instead of bytes, which llama.cpp knows by the name `gemma4`. The
 * rules are those of convert_hf_to_gguf.py (`Gemma4Model.set_vocab`) with transformers 5, without which the tokenizer
 * cannot be opened there.
 *
 * Throws `tokenizer_unsupported` without a tokenizer.json, `checkpoint_invalid`.
 */
export async function writeGemma4Tokenizer(
  folder: CheckpointFolder,
  keyValues: KeyValues,
  vocabularySize: number,
): Promise<void> {
  const json = await folder.optionalJson('tokenizer.json');
  if (json === undefined) {
    const message = `${folder.path} has no tokenizer.json, which this architecture needs. Copy it from the base model.`;
    throw new VserveError('tokenizer_unsupported', message);
  }
  const { model } = parseConfig(gemmaSchema, json, 'tokenizer.json');
  const { added_tokens: added } = parseConfig(addedTokensSchema, json, 'tokenizer.json');
  const ids = new Map(Object.entries(model.vocab));
  const isAdded = new Set(added.filter(({ content }) => !ids.has(content)).map(({ content }) => content));
  for (const { content, id } of added) if (isAdded.has(content)) ids.set(content, id);
  const tokens = denseTokens(ids, vocabularySize);
  const special = specialTokens((await folder.optionalJson('tokenizer_config.json')) ?? {});
  const types = tokens.map((token) => {
    if (visibleTokens.has(token)) return pieceTypes.userDefined;
    if (!isAdded.has(token) && /^<0x[0-9A-Fa-f]{2}>$/.test(token)) return pieceTypes.byte;
    if (special.has(token)) return pieceTypes.control;
    return isAdded.has(token) ? pieceTypes.userDefined : pieceTypes.normal;
  });
  keyValues
    .set('tokenizer.ggml.model', string('gemma4'))
    .set('tokenizer.ggml.tokens', stringArray(tokens))
    .set('tokenizer.ggml.scores', float32Array(tokens.map(() => score)))
    .set('tokenizer.ggml.token_type', int32Array(types))
    .set('tokenizer.ggml.merges', stringArray(model.merges.map(mergeText)));
  await writeSpecialTokens(folder, keyValues);
  keyValues.set('tokenizer.ggml.add_space_prefix', bool(false)).set('tokenizer.ggml.add_bos_token', bool(true));
}

/** The tokens by their ids, which must be 0 to `size` - 1. */
function denseTokens(ids: ReadonlyMap<string, number>, size: number): string[] {
  const tokens: string[] = [];
  for (const [token, id] of [...ids].sort(([, a], [, b]) => a - b)) {
    if (id !== tokens.length) {
      throw new VserveError(
        'checkpoint_invalid',
        `tokenizer.json has no token, or several, with the id ${tokens.length}.`,
      );
    }
    tokens.push(token);
  }
  if (tokens.length === size) return tokens;
  const message = `tokenizer.json has ${tokens.length} tokens, but config.json says ${size}. The files do not match.`;
  throw new VserveError('checkpoint_invalid', message);
}

/** Every token that tokenizer_config.json assigns a role to. */
function specialTokens(config: JsonObject): ReadonlySet<string> {
  const further = parseConfig(furtherSchema, config, 'tokenizer_config.json');
  const named = Object.entries({ ...defaultTokens, ...config })
    .filter(([key]) => key.endsWith('_token'))
    .map(([, token]) => tokenSchema.safeParse(token).data)
    .filter((token) => token !== undefined);
  const extra = Object.values(further.extra_special_tokens ?? {});
  const additional = extra.length > 0 ? [] : (further.additional_special_tokens ?? []);
  return new Set([...named, ...extra, ...additional, ...Object.values(further.model_specific_special_tokens ?? {})]);
}
