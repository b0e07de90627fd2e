import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { talk } from './talk.ts';

/*
 * Makes a small tokenizer in the manner of Gemma 4's of a real Gemma tokenizer: BPE over characters, with bytes for
 * those that it lacks. The ids are dense, as llama.cpp's converter wants them.
 *
 *   node dist/test/reference/cut-gemma-tokenizer.js <folder with tokenizer.json> <folder for the cut files>
 */
const [from, to] = process.argv.slice(2);
if (from === undefined || to === undefined) throw new Error('Usage: cut-gemma-tokenizer.js <from> <to>');

/** Gemma 4's names for its special tokens, beside those that every tokenizer has. */
const modelTokens = {
  audio_token: '<|audio|>',
  boa_token: '<|audio>',
  boi_token: '<|image>',
  eoa_token: '<audio|>',
  eoc_token: '<channel|>',
  eoi_token: '<image|>',
  eot_token: '<turn|>',
  escape_token: '<|"|>',
  etc_token: '<tool_call|>',
  etd_token: '<tool|>',
  etr_token: '<tool_response|>',
  image_token: '<|image|>',
  soc_token: '<|channel>',
  sot_token: '<|turn>',
  stc_token: '<|tool_call>',
  std_token: '<|tool>',
  str_token: '<|tool_response>',
  think_token: '<|think|>',
};
const firstTokens = ['<pad>', '<eos>', '<bos>', '<unk>', '<mask>', '[multimodal]', '<unused0>', '\u2581\u2581'];
const special = new Set(['<pad>', '<eos>', '<bos>', '<unk>', '<mask>', '<|video|>', ...Object.values(modelTokens)]);
const added = [...new Set([...firstTokens, ...special])];

interface TokenizerJson {
  added_tokens: object[];
  model: { vocab: Record<string, number>; merges: [string, string][] };
}

const tokenizer = JSON.parse(await readFile(join(from, 'tokenizer.json'), 'utf8')) as TokenizerJson;
const { model } = tokenizer;
const text = talk.replaceAll(' ', '\u2581');
const isNeeded = (token: string): boolean => text.includes(token) || /^<0x[0-9A-F]{2}>$/.test(token);
const pieces = Object.keys(model.vocab).filter((token) => isNeeded(token) && !added.includes(token));
model.vocab = Object.fromEntries([...added, ...pieces].map((token, id) => [token, id]));
model.merges = model.merges.filter((merge) => Object.hasOwn(model.vocab, merge.join('')) && merge.every(isNeeded));
const settings = { single_word: false, lstrip: false, rstrip: false, normalized: false };
tokenizer.added_tokens = added.map((content, id) => ({ id, content, ...settings, special: special.has(content) }));
const config = {
  ...modelTokens,
  backend: 'tokenizers',
  bos_token: '<bos>',
  eos_token: '<eos>',
  extra_special_tokens: ['<|video|>'],
  mask_token: '<mask>',
  model_max_length: 1e30,
  model_specific_special_tokens: modelTokens,
  pad_token: '<pad>',
  padding_side: 'left',
  processor_class: 'Gemma4Processor',
  tokenizer_class: 'GemmaTokenizer',
  unk_token: '<unk>',
};
await writeFile(join(to, 'tokenizer.json'), `${JSON.stringify(tokenizer)}\n`);
await writeFile(join(to, 'tokenizer_config.json'), `${JSON.stringify(config)}\n`);
