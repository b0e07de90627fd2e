import { z } from 'zod';
import { VserveError } from '../../errors/index.ts';
import type { CheckpointFolder } from '../checkpoint/checkpoint-folder.ts';
import { parseConfig, vocabularySize } from '../checkpoint/parse-config.ts';
import { bool, int32Array, string, stringArray, uint32 } from '../gguf/key-values.ts';
import type { KeyValues } from '../gguf/key-values.ts';
import { byteText } from './byte-characters.ts';
import { findChatTemplates, setChatTemplate } from './chat-template.ts';
import { mistralTemplate } from './mistral-template.ts';
import { pieceTypes } from './sentencepiece-model.ts';

/** The tokenizer file of Mistral's own format. */
export const tekkenFile = 'tekken.json';

const token = z.looseObject({ rank: z.int().min(0), token_bytes: z.base64() });
const specialToken = z.looseObject({ rank: z.int().min(0), token_str: z.string().min(1) });

/** The format is that of mistral-common's `Tekkenizer`. */
const tekkenSchema = z.looseObject({
  config: z.looseObject({
    /** All tokens, special ones included; the file may hold more, which are left out. */
    default_vocab_size: vocabularySize,
    /** 1000 in practice. Those without a name get one, which is why there is a limit. */
    default_num_special_tokens: z.int().min(1).max(65_536),
    version: z.string().regex(/^v\d+$/),
  }),
  vocab: z.array(token),
  /** Absent from files up to version 7. */
  special_tokens: z.array(specialToken).nullish(),
});

/** The special tokens of files that list none. */
const firstSpecialTokens = [
  '<unk> <s> </s> [INST] [/INST] [AVAILABLE_TOOLS] [/AVAILABLE_TOOLS] [TOOL_RESULTS] [/TOOL_RESULTS] [TOOL_CALLS]',
  '[IMG] <pad> [IMG_BREAK] [IMG_END] [PREFIX] [MIDDLE] [SUFFIX] [SYSTEM_PROMPT] [/SYSTEM_PROMPT] [TOOL_CONTENT]',
].flatMap((line) => line.split(' '));
const lastVersionWithout = 7;

/** A Tekken vocabulary: the special tokens come first, and ranks count from the end of them. */
export interface Tekken {
  readonly version: number;
  /** By id. */
  readonly specialTokens: readonly string[];
  /** The others by rank, as a byte-level vocabulary writes them. */
  readonly tokens: readonly string[];
}

/** Reads tekken.json. Throws `checkpoint_invalid`. */
export async function readTekken(folder: CheckpointFolder): Promise<Tekken> {
  const { config, vocab, special_tokens: named } = parseConfig(tekkenSchema, await folder.json(tekkenFile), tekkenFile);
  const { default_vocab_size: size, default_num_special_tokens: specialCount } = config;
  const version = Number(config.version.slice(1));
  if (!named && version > lastVersionWithout) throw invalid('it names no special tokens');
  const given = named ?? firstSpecialTokens.map((text, rank) => ({ rank, token_str: text }));
  if (given.some(({ rank }, i) => rank !== i)) throw invalid('its special tokens are not in the order of their ranks');
  if (given.length > specialCount || size <= specialCount) throw invalid('it has more special tokens than it says');
  const unnamed = Array.from({ length: specialCount - given.length }, (_, i) => `<SPECIAL_${given.length + i}>`);
  const specialTokens = [...given.map(({ token_str: text }) => text), ...unnamed];
  if (new Set(specialTokens).size !== specialCount) throw invalid('it names a special token twice');
  const kept = vocab.slice(0, size - specialCount);
  if (kept.length < size - specialCount) throw invalid(`it has ${kept.length} of ${size - specialCount} tokens`);
  if (kept.some(({ rank }, i) => rank !== i)) throw invalid('its tokens are not in the order of their ranks');
  const tokens = kept.map(({ token_bytes: bytes }) => byteText(Buffer.from(bytes, 'base64')));
  if (new Set(tokens).size !== tokens.length) throw invalid('it has a token twice');
  return { version, specialTokens, tokens };
}

function invalid(what: string): VserveError {
  return new VserveError('checkpoint_invalid', `${tekkenFile} cannot be converted: ${what}. Download it again.`);
}

/**
 * Writes the vocabulary of tekken.json by the rules of convert_hf_to_gguf.py (`_set_vocab_mistral`), but for the chat
 * template: that one names a format of llama.cpp's, or takes a template of llama.cpp's repository. The checkpoint's own
 * goes first here, and then one for the tokenizer's version. Where it has fewer than `vocabularySize` tokens, unused ones
 * follow: llama.cpp needs one for each row of the embedding.
 *
 * @param architecture before whose `vocab_size` stands the number of tokens
 * Throws `checkpoint_invalid`.
 */
export async function writeTekkenTokenizer(
  folder: CheckpointFolder,
  keyValues: KeyValues,
  architecture: string,
  vocabularySize: number,
): Promise<void> {
  const { version, specialTokens, tokens } = await readTekken(folder);
  const count = specialTokens.length + tokens.length;
  if (count > vocabularySize) {
    throw invalid(`it has ${count} tokens, and by config.json there are only ${vocabularySize}`);
  }
  const idOf = (text: string): number => {
    const id = specialTokens.indexOf(text);
    if (id < 0) throw invalid(`it lacks the token ${text}`);
    return id;
  };
  const unused = Array.from({ length: vocabularySize - count }, (_, i) => `[PAD${count + i}]`);
  const texts = [...specialTokens, ...tokens, ...unused];
  const types = [
    ...specialTokens.map(() => pieceTypes.control),
    ...tokens.map(() => pieceTypes.normal),
    ...unused.map(() => pieceTypes.unused),
  ];
  keyValues
    .set('tokenizer.ggml.model', string('gpt2'))
    .set('tokenizer.ggml.pre', string('tekken'))
    .set('tokenizer.ggml.merges', stringArray(tekkenMerges(tokens)))
    .set('tokenizer.ggml.bos_token_id', uint32(idOf('<s>')))
    .set('tokenizer.ggml.eos_token_id', uint32(idOf('</s>')))
    .set('tokenizer.ggml.unknown_token_id', uint32(idOf('<unk>')))
    .set('tokenizer.ggml.padding_token_id', uint32(idOf('<pad>')))
    .set('tokenizer.ggml.tokens', stringArray(texts))
    // Whole numbers, as the reference writes them.
    .set('tokenizer.ggml.scores', int32Array(texts.map(() => 0)))
    .set('tokenizer.ggml.token_type', int32Array(types))
    .set(`${architecture}.vocab_size`, uint32(texts.length))
    .set('tokenizer.ggml.add_bos_token', bool(true))
    .set('tokenizer.ggml.add_eos_token', bool(false));
  setChatTemplate(keyValues, (await findChatTemplates(folder))?.templates ?? mistralTemplate(version));
}

/** For each token of several bytes, every pair of tokens that makes it up, by the ranks of its parts. */
function tekkenMerges(tokens: readonly string[]): string[] {
  const ranks = new Map(tokens.map((text, rank) => [text, rank]));
  return tokens.slice(256).flatMap((text) => {
    const pairs = [];
    for (let cut = 1; cut < text.length; cut++) {
      const [left, right] = [text.slice(0, cut), text.slice(cut)];
      const [leftRank, rightRank] = [ranks.get(left), ranks.get(right)];
      if (leftRank !== undefined && rightRank !== undefined) pairs.push({ left, right, leftRank, rightRank });
    }
    if (pairs.length === 0) throw invalid(`no two of its tokens make up ${JSON.stringify(text)}`);
    pairs.sort((a, b) => a.leftRank - b.leftRank || a.rightRank - b.rightRank);
    return pairs.map(({ left, right }) => `${left} ${right}`);
  });
}
