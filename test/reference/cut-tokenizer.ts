import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { byteCharacters, byteText } from '../../src/convert/tokenizers/byte-characters.ts';
import { sampleText } from '../../src/convert/tokenizers/fingerprint.ts';
import { talk } from './talk.ts';

/*
 * Cuts a real byte-level BPE tokenizer down to what the texts below need. Every token that is left keeps its id, so the
 * texts are tokenized as before, and llama.cpp's converter recognizes the tokenizer.
 *
 *   node dist/test/reference/cut-tokenizer.js <folder with tokenizer.json> <folder for the cut files> [token…]
 *
 * Further tokens are added at the end, as special ones.
 */
const [from, to, ...further] = process.argv.slice(2);
if (from === undefined || to === undefined) throw new Error('Usage: cut-tokenizer.js <from> <to> [token…]');

interface TokenizerJson {
  added_tokens: { id: number; content: string }[];
  model: { vocab: Record<string, number>; merges: (string | [string, string])[] };
}

const texts = [sampleText, talk].map((text) => byteText(Buffer.from(text)));
const isNeeded = (token: string): boolean => texts.some((text) => text.includes(token));

const tokenizer = JSON.parse(await readFile(join(from, 'tokenizer.json'), 'utf8')) as TokenizerJson;
const { model, added_tokens: added } = tokenizer;
let nextId = Math.max(...Object.values(model.vocab), ...added.map(({ id }) => id)) + 1;
const settings = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
for (const content of further) added.push({ id: nextId++, content, ...settings });
const kept = new Set(byteCharacters);
// Added tokens stand in the vocabulary too: else the tokenizers library would number them on from its size.
model.vocab = Object.fromEntries([
  ...Object.entries(model.vocab).filter(([token]) => kept.has(token) || isNeeded(token)),
  ...added.map(({ id, content }) => [content, id] as const),
]);
model.merges = model.merges.filter((merge) =>
  isNeeded(typeof merge === 'string' ? merge.replace(' ', '') : merge.join('')),
);
await writeFile(join(to, 'tokenizer.json'), `${JSON.stringify(tokenizer)}\n`);
await writeFile(
  join(to, 'tokenizer_config.json'),
  `${JSON.stringify(JSON.parse(await readFile(join(from, 'tokenizer_config.json'), 'utf8')))}\n`,
);
