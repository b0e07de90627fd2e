import type { Tokenizer } from '@huggingface/tokenizers';
import { VserveError } from '../../errors/index.ts';
import type { JsonObject } from '../checkpoint/checkpoint-folder.ts';
import { parseConfig } from '../checkpoint/parse-config.ts';
import { looksSpecial } from './looks-special.ts';
import { pieceTypes } from './sentencepiece-model.ts';
import type { Vocabulary } from './sentencepiece-vocabulary.ts';
import { addedTokensSchema, bpeSchema, decoderSchema, namedTokensSchema } from './tokenizer-json.ts';

/** What identifies an added token, besides its id. */
interface AddedToken {
  readonly content: string;
  readonly special: boolean;
  readonly normalized: boolean;
}

/**
 * The vocabulary of tokenizer.json, filled up to `size` with unused tokens, and the types of the tokens that it and
 * tokenizer_config.json add to it: the rules of convert_hf_to_gguf.py (`get_vocab_base`).
 *
 * Throws `checkpoint_invalid` when a token's id is not below `size`.
 */
export function readBpeVocabulary(
  json: JsonObject,
  config: JsonObject,
  tokenizer: Tokenizer,
  size: number,
): Pick<Vocabulary, 'tokens' | 'types'> {
  const { model } = parseConfig(bpeSchema, json, 'tokenizer.json');
  const tokens = Array.from({ length: size }, (_, id) => `[PAD${id}]`);
  const types = Array.from({ length: size }, (): number => pieceTypes.unused);
  const set = (id: number, token: string, type: number): void => {
    if (id >= size) {
      const message = `tokenizer.json has the token ${JSON.stringify(token)} with the id ${id}, but config.json allows only ${size} tokens. The files do not match.`;
      throw new VserveError('checkpoint_invalid', message);
    }
    tokens[id] = token;
    types[id] = type;
  };
  for (const [token, id] of Object.entries(model.vocab)) set(id, token, pieceTypes.normal);
  for (const [id, added] of addedTokens(json, config, new Map(Object.entries(model.vocab)))) {
    const text = added.normalized ? added.content : roundTrip(tokenizer, added.content);
    if (added.special || looksSpecial(text)) set(id, text, pieceTypes.control);
    // llama.cpp looks for such tokens in the text as it is, before spaces become U+2581.
    else set(id, text.replaceAll('\u2581', ' '), pieceTypes.userDefined);
  }
  return { tokens, types };
}

/** The added tokens by id. tokenizer_config.json goes before tokenizer.json, and a token it names as special is added. */
function addedTokens(json: JsonObject, config: JsonObject, vocabulary: Map<string, number>): Map<number, AddedToken> {
  const { added_tokens: ofTokenizer } = parseConfig(addedTokensSchema, json, 'tokenizer.json');
  const { added_tokens_decoder: decoder } = parseConfig(decoderSchema, config, 'tokenizer_config.json');
  const added = new Map<number, AddedToken>(ofTokenizer.map(({ id, ...token }) => [id, token]));
  for (const [id, token] of Object.entries(decoder)) added.set(Number(id), token);
  const known = new Set(Array.from(added.values(), ({ content }) => content));
  for (const content of namedTokens(config)) {
    const id = vocabulary.get(content);
    if (id !== undefined && !known.has(content)) added.set(id, { content, special: true, normalized: false });
  }
  return added;
}

/** The special tokens that tokenizer_config.json names, by their texts. Throws `checkpoint_invalid`. */
export function namedTokens(config: JsonObject): string[] {
  const { additional_special_tokens: additional, ...named } = parseConfig(
    namedTokensSchema,
    config,
    'tokenizer_config.json',
  );
  return [...Object.values(named), ...(additional ?? [])].filter((token) => typeof token === 'string');
}

/** A token's text as its tokenizer gives it back, which is the form that llama.cpp looks for. */
function roundTrip(tokenizer: Tokenizer, token: string): string {
  const { ids } = tokenizer.encode(token, { add_special_tokens: false });
  return ids.length === 0 ? '' : tokenizer.decode(ids); // which takes no empty list
}
