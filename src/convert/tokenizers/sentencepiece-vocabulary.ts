import { z } from 'zod';
import type { CheckpointFolder } from '../checkpoint/checkpoint-folder.ts';
import { parseConfig } from '../checkpoint/parse-config.ts';
import { looksSpecial } from './looks-special.ts';
import { VserveError } from '../../errors/index.ts';
import { piecesOfTokenizer, prependsSpace } from './byte-fallback-pieces.ts';
import { addedTokensSchema, decoderSchema } from './tokenizer-json.ts';
import { parseSentencePieceModel, pieceTypes } from './sentencepiece-model.ts';
import type { SentencePiece } from './sentencepiece-model.ts';

/** A vocabulary as GGUF stores it: for each token id its text, score and type (`llama_token_type`). */
export interface Vocabulary {
  readonly tokens: string[];
  readonly scores: number[];
  readonly types: number[];
  /** Whether its tokenizer prepends a space to a text; undefined if unknown. */
  readonly prependsSpace?: boolean | undefined;
}

/** `llama_token_type` has SentencePiece's numbers. */
const tokenTypes = pieceTypes;
const paddingScore = -10_000;
const addedScore = -1000;

const addedIdsSchema = z.record(z.string(), z.int().min(0));
/**
 * Reads tokenizer.model, fills the ids up to `size` with unused tokens, and lays the tokens of added_tokens.json and of
 * tokenizer_config.json over it. The rules are those of convert_hf_to_gguf.py (`_create_vocab_sentencepiece`); so a
 * piece that SentencePiece calls user-defined is a normal one here. Ids beyond `size` are left out.
 *
 * transformers 5 saves tokenizer.json only: without a tokenizer.model, that is read in its place.
 *
 * Throws `checkpoint_invalid`, `tokenizer_unsupported` without a vocabulary.
 */
export async function readSentencePieceVocabulary(folder: CheckpointFolder, size: number): Promise<Vocabulary> {
  const tokens = Array.from({ length: size }, (_, id) => `[PAD${id}]`);
  const scores = Array.from({ length: size }, () => paddingScore);
  const types = Array.from({ length: size }, (): number => tokenTypes.unused);
  const set = (id: number, token: string, score: number, type: number): void => {
    if (id >= size) return;
    tokens[id] = token;
    scores[id] = score;
    types[id] = type;
  };
  const { pieces, added: addedPieces, prependsSpace: space } = await readPieces(folder);
  for (const [id, { text, score, type }] of pieces) {
    set(id, text, score, type === tokenTypes.userDefined ? tokenTypes.normal : type);
  }
  const added = parseConfig(
    addedIdsSchema,
    (await folder.optionalJson('added_tokens.json')) ?? {},
    'added_tokens.json',
  );
  for (const [token, id] of Object.entries(added)) set(id, token, addedScore, tokenTypes.userDefined);
  const config = (await folder.optionalJson('tokenizer_config.json')) ?? {};
  const { added_tokens_decoder: decoder } = parseConfig(decoderSchema, config, 'tokenizer_config.json');
  for (const [id, { content, special }] of Object.entries({ ...addedPieces, ...decoder })) {
    if (special || looksSpecial(content)) set(Number(id), content, addedScore, tokenTypes.control);
    // llama.cpp looks for such tokens in the text as it is, before spaces become U+2581.
    else set(Number(id), content.replaceAll('\u2581', ' '), addedScore, tokenTypes.userDefined);
  }
  return { tokens, scores, types, prependsSpace: space };
}

interface Pieces extends Pick<Vocabulary, 'prependsSpace'> {
  readonly pieces: ReadonlyMap<number, SentencePiece>;
  /** Tokens that are added to them, by id. */
  readonly added: Readonly<Record<string, { readonly content: string; readonly special: boolean }>>;
}

async function readPieces(folder: CheckpointFolder): Promise<Pieces> {
  if (await folder.has('tokenizer.model')) {
    const pieces = parseSentencePieceModel(await folder.bytes('tokenizer.model'));
    return { pieces: new Map(pieces.entries()), added: {} };
  }
  const json = await folder.optionalJson('tokenizer.json');
  if (json === undefined) {
    const message = `${folder.path} has neither tokenizer.model nor tokenizer.json. Copy them from the base model.`;
    throw new VserveError('tokenizer_unsupported', message);
  }
  const { added_tokens: added } = parseConfig(addedTokensSchema, json, 'tokenizer.json');
  return {
    pieces: piecesOfTokenizer(json),
    added: Object.fromEntries(added.map(({ id, ...token }) => [id, token])),
    prependsSpace: prependsSpace(json),
  };
}
