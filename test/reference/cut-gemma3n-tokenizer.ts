import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pieceTypes } from '../../src/convert/tokenizers/sentencepiece-model.ts';
import { sentencePieceModel } from './sentencepiece-writer.ts';

/*
 * Makes a small tokenizer in the manner of Gemma 3n's of a Gemma tokenizer, both as transformers reads it and as
 * SentencePiece does. The last ids, which stand for pictures and sound, are beyond its pieces.
 *
 *   node dist/test/reference/cut-gemma3n-tokenizer.js <folder with tokenizer.json> <folder for the cut files>
 */
const [from, to] = process.argv.slice(2);
if (from === undefined || to === undefined) throw new Error('Usage: cut-gemma3n-tokenizer.js <from> <to>');

/** What it has words for. Anything else is letters, and bytes where there is no such letter. */
const text =
  'user model assistant What is in this picture? The first the second red or blue? Describe the image. What is it? ' +
  'A circle. And the second picture? How many shapes are there? Which color is the circle?';

interface TokenizerJson {
  added_tokens: object[];
  model: { vocab: Record<string, number>; merges: [string, string][] };
}
const tokenizer = JSON.parse(await readFile(join(from, 'tokenizer.json'), 'utf8')) as TokenizerJson;
const { model } = tokenizer;
const rankOf = new Map(model.merges.map((pair, rank) => [pair.join(' '), rank]));

/** All that a word is while its letters are put together. */
function stepsOf(word: string): string[] {
  const steps = word.split('');
  let parts = word.split('');
  for (;;) {
    const ranks = parts.slice(1).map((part, i) => rankOf.get(`${parts[i] ?? ''} ${part}`) ?? Infinity);
    const best = ranks.indexOf(Math.min(...ranks));
    if (best < 0 || ranks[best] === Infinity) return steps;
    const merged = `${parts[best] ?? ''}${parts[best + 1] ?? ''}`;
    steps.push(merged);
    parts = [...parts.slice(0, best), merged, ...parts.slice(best + 2)];
  }
}

const needed = new Set(text.split(' ').flatMap((word) => [...stepsOf(word), ...stepsOf(`\u2581${word}`)]));
const pieces = Object.keys(model.vocab).filter((piece) => needed.has(piece));
const bytes = Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`);

const control = ['<pad>', '<eos>', '<bos>', '<unk>', '<start_of_turn>', '<end_of_turn>'];
const plain = ['<mask>', '\n', '\n\n', '\u2581\u2581'];
const media = ['<start_of_image>', '<start_of_audio>'];
const inModel = [...control, ...plain, ...bytes, ...pieces, ...media];
/** So many ids each for pictures and sound, of which two have a name. */
const mediaIds = 8;
const beyond = {
  '<end_of_image>': inModel.length,
  '<image_soft_token>': inModel.length + 1,
  '<end_of_audio>': inModel.length + mediaIds,
  '<audio_soft_token>': inModel.length + mediaIds + 1,
};

const special = new Set([...control, ...media, ...Object.keys(beyond)]);
model.vocab = Object.fromEntries([
  ...inModel.map((token, id): [string, number] => [token, id]),
  ...Object.entries(beyond),
]);
model.merges = model.merges.filter((merge) => [merge.join(''), ...merge].every((piece) => pieces.includes(piece)));
const settings = { single_word: false, lstrip: false, rstrip: false, normalized: false };
const added = [...control, ...plain, ...media, ...Object.keys(beyond)].map((content) => ({
  id: model.vocab[content] ?? 0,
  content,
  ...settings,
  special: special.has(content),
}));
tokenizer.added_tokens = added;

const score = (piece: string): number => {
  const rank = model.merges.findIndex((merge) => merge.join('') === piece);
  return rank < 0 ? 0 : -rank - 1;
};
const typeOf = (piece: string): number => {
  if (piece === '<unk>') return pieceTypes.unknown;
  if (special.has(piece)) return pieceTypes.control;
  if (plain.includes(piece)) return pieceTypes.userDefined;
  return bytes.includes(piece) ? pieceTypes.byte : pieceTypes.normal;
};
const names = {
  audio_token: '<audio_soft_token>',
  boa_token: '<start_of_audio>',
  boi_token: '<start_of_image>',
  eoa_token: '<end_of_audio>',
  eoi_token: '<end_of_image>',
  image_token: '<image_soft_token>',
};
const config = {
  add_bos_token: true,
  add_eos_token: false,
  added_tokens_decoder: Object.fromEntries(added.map(({ id, ...token }) => [id, token])),
  ...names,
  bos_token: '<bos>',
  clean_up_tokenization_spaces: false,
  eos_token: '<eos>',
  extra_special_tokens: names,
  model_max_length: 1e30,
  pad_token: '<pad>',
  processor_class: 'Gemma3nProcessor',
  spaces_between_special_tokens: false,
  tokenizer_class: 'GemmaTokenizer',
  unk_token: '<unk>',
  use_default_system_prompt: false,
};
await writeFile(join(to, 'tokenizer.json'), `${JSON.stringify(tokenizer)}\n`);
await writeFile(join(to, 'tokenizer_config.json'), `${JSON.stringify(config)}\n`);
const modelPieces = inModel.map((piece) => ({ text: piece, score: score(piece), type: typeOf(piece) }));
await writeFile(join(to, 'tokenizer.model'), sentencePieceModel(modelPieces));
console.log(`${String(inModel.length)} pieces`);
