import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pieceTypes } from '../../src/convert/tokenizers/sentencepiece-model.ts';
import { sentencePieceModel } from './sentencepiece-writer.ts';
import { talk } from './talk.ts';

/*
 * Makes a small tokenizer of a real Llama 2 tokenizer.json, in both of its forms: a SentencePiece model, and
 * Hugging Face's, BPE over characters that falls back to bytes. The ids are dense. Further tokens stand at the end, as
 * LLaVA's do.
 *
 *   node dist/test/reference/cut-llama-tokenizer.js <folder with tokenizer.json> <folder for the cut files>
 */
const [from, to] = process.argv.slice(2);
if (from === undefined || to === undefined) throw new Error('Usage: cut-llama-tokenizer.js <from> <to>');

interface TokenizerJson {
  added_tokens: object[];
  model: { vocab: Record<string, number>; merges: string[] };
}

const further = ['<image>', '<pad>'];
const special = ['<unk>', '<s>', '</s>'];
const isByte = (token: string): boolean => /^<0x[0-9A-F]{2}>$/.test(token);
const text = `\u2581${`${talk} USER: ASSISTANT: [INST] [/INST]`.replaceAll(' ', '\u2581')}`;
const isNeeded = (token: string): boolean => text.includes(token) || isByte(token) || special.includes(token);

const tokenizer = JSON.parse(await readFile(join(from, 'tokenizer.json'), 'utf8')) as TokenizerJson;
const { model } = tokenizer;
const pieces = Object.entries(model.vocab)
  .filter(([token]) => isNeeded(token))
  .sort(([, a], [, b]) => a - b)
  .map(([token]) => token);
model.vocab = Object.fromEntries(pieces.map((token, id) => [token, id]));
model.merges = model.merges.filter((merge) => {
  const [left = '', right = ''] = merge.split(' ');
  return [left, right, left + right].every((token) => Object.hasOwn(model.vocab, token));
});
const settings = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
const added = [...special, ...further].map((content, i) => ({
  id: i < special.length ? i : pieces.length + i - special.length,
  content,
  ...settings,
}));
tokenizer.added_tokens = added;
// What is put together first has the highest score: runs of spaces, whose ids are low, come late.
const ranks = new Map(model.merges.map((merge, rank) => [merge.replace(' ', ''), rank] as const).toReversed());
const sentencePieces = pieces.map((token, id) => {
  const { unknown, control, byte, normal } = pieceTypes;
  const type = id === 0 ? unknown : id < special.length ? control : isByte(token) ? byte : normal;
  return {
    text: token,
    score: id < special.length || isByte(token) ? 0 : -(ranks.get(token) ?? model.merges.length + id),
    type,
  };
});
const config = {
  ...(JSON.parse(await readFile(join(from, 'tokenizer_config.json'), 'utf8')) as object),
  added_tokens_decoder: Object.fromEntries(added.map(({ id, ...token }) => [id, token])),
  pad_token: '<pad>',
  processor_class: 'LlavaProcessor',
};
const addedTokens = Object.fromEntries(further.map((token, i) => [token, pieces.length + i]));
await writeFile(join(to, 'tokenizer.json'), `${JSON.stringify(tokenizer)}\n`);
await writeFile(join(to, 'tokenizer.model'), sentencePieceModel(sentencePieces));
await writeFile(join(to, 'tokenizer_config.json'), `${JSON.stringify(config)}\n`);
await writeFile(join(to, 'added_tokens.json'), `${JSON.stringify(addedTokens)}\n`);
console.log(`${String(pieces.length + further.length)} tokens`);
