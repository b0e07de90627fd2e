import { referenceCheckpoints } from '../reference/checkpoints.ts';
import type { SyntheticCheckpoint } from '../reference/write-checkpoint.ts';
import { familyTemplates } from './family-templates.ts';
import type { FamilyTemplate } from './family-templates.ts';
import { parseSentencePieceModel } from '../../src/convert/tokenizers/sentencepiece-model.ts';
import { seeingWeights } from './seeing-weights.ts';
import type { Additions } from './seeing-weights.ts';
import { trainedCheckpoint, trainedName } from './trained-checkpoint.ts';

/** Says who speaks, and otherwise what is said: the engines place the pictures. */
const chatTemplate = [
  "{% for m in messages %}{{ m['role'] }}: ",
  "{% if m['content'] is string %}{{ m['content'] }}",
  "{% else %}{% for c in m['content'] %}{{ c['text'] }}{% endfor %}{% endif %}\n",
  '{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}',
].join('');

/** The large models' pictures and vocabulary would take long; the others become the same models as checkpoints beside them. */
const leftOut = new Set(['gemma-3-4b-like', 'internvl3-hf-tiny', 'qwen3-vl-moe-fp8-tiny']);

const hasProcessor = (files: object): boolean =>
  'preprocessor_config.json' in files || 'processor_config.json' in files;

/** The reference checkpoints that see. */
export const seeingNames: readonly string[] = Object.entries(referenceCheckpoints)
  .filter(([name, { checkpoint }]) => hasProcessor(checkpoint.files) && !leftOut.has(name))
  .map(([name]) => name);

const gemma4 = {
  image_mean: [0, 0, 0],
  image_std: [1, 1, 1],
  max_soft_tokens: 280,
  patch_size: 16,
  pooling_kernel_size: 3,
};
const halves = { image_mean: [0.5, 0.5, 0.5], image_std: [0.5, 0.5, 0.5] };
const glm4v = { size: { shortest_edge: 12_544, longest_edge: 9_633_792 }, patch_size: 14, merge_size: 2 };

/** Settings of processors that stand on the Hub where the tiny checkpoint has none, or those of another model. */
const processorSettings: Readonly<Record<string, object>> = {
  'deepseek-ocr-tiny': halves,
  'deepseek-ocr-2-tiny': halves,
  'glm4v-tiny': glm4v,
  'glm4.5v-tiny': glm4v,
  'gemma4-31b-tiny': gemma4,
  'gemma4-e2b-tiny': gemma4,
  'gemma4-moe-tiny': gemma4,
  'gemma4-unified-tiny': gemma4,
  'gemma3n-tiny': { image_mean: [0, 0, 0], image_std: [1, 1, 1] },
  'idefics3-tiny': { size: { longest_edge: 224 } },
  'mistral3-tiny': { size: { longest_edge: 1540 }, patch_size: { height: 14, width: 14 } },
  'kimi-vl-tiny': { in_token_limit: 4096, pad_input: true, merge_kernel_size: [2, 2] },
};

/** Their attention would mix all that was seen evenly, whatever it is. */
const looksSharply = new Set(['internvl3.5-tiny', 'qwen3-vl-tiny']);

/**
 * By name, how much the parts of a layer add. Few of Gemma 3n's gates are open, and which ones hangs on so little in random
 * layers that, one after the other, they make anything of a rounding.
 */
const additions: Readonly<Record<string, Additions>> = { 'gemma3n-tiny': { attention: 0.5, others: 0.15 } };

/** A reference checkpoint that answers by what it sees, in words. Throws for a name that there is not. */
export function seeingCheckpoint(name: string): SyntheticCheckpoint {
  if (name === trainedName) return trainedCheckpoint();
  const reference = referenceCheckpoints[name];
  if (reference === undefined) throw new Error(`There is no checkpoint ${name}. There are: ${seeingNames.join(', ')}.`);
  const { checkpoint } = reference;
  const vocabulary = vocabularyOf(checkpoint);
  const tokens = new Set(vocabulary.values());
  // Ġ stands for a space in a byte-level vocabulary, ▁ in Gemma's.
  const words = [...vocabulary].filter(([token]) => /^[Ġ▁]?[A-Za-z]{2,}$/.test(token));
  const tokenizerConfig = { ...parse(checkpoint.files['tokenizer_config.json']), chat_template: chatTemplate };
  const preprocessor = { ...parse(checkpoint.files['preprocessor_config.json']), ...processorSettings[name] };
  return {
    ...checkpoint,
    dtype: 'BF16',
    shards: 1,
    files: {
      ...checkpoint.files,
      'tokenizer_config.json': tokenizerConfig,
      'preprocessor_config.json': preprocessor,
      // It goes before the one in the configuration.
      ...('chat_template.jinja' in checkpoint.files ? { 'chat_template.jinja': chatTemplate } : {}),
    },
    elementsOf: seeingWeights(
      new Set(words.map(([, id]) => id)),
      tokens,
      tableScaleOf(name),
      looksSharply.has(name),
      additions[name],
    ),
  };
}

function vocabularyOf({ files }: SyntheticCheckpoint): Map<string, number> {
  const pieces = files['tokenizer.model'];
  if (Buffer.isBuffer(pieces)) return new Map(parseSentencePieceModel(pieces).map(({ text }, id) => [text, id]));
  const { model } = parse(files['tokenizer.json']) as { model: { vocab: Record<string, number> } };
  return new Map(Object.entries(model.vocab));
}

function templateOf(name: string): FamilyTemplate | undefined {
  return Object.entries(familyTemplates).find(([beginning]) => name.startsWith(beginning))?.[1];
}

/** The seeing checkpoints of families whose way of writing images is known, and the trained one, which has its own. */
export const faithfulNames: readonly string[] = [
  ...seeingNames.filter((name) => templateOf(name) !== undefined),
  trainedName,
];

/**
 * A seeing checkpoint that writes images as the models of its family do: with their chat template's way, and the tokens
 * for it. Throws for a name that there is not.
 */
export function faithfulCheckpoint(name: string): SyntheticCheckpoint {
  const checkpoint = seeingCheckpoint(name);
  if (name === trainedName) return checkpoint;
  const family = templateOf(name);
  if (family === undefined) throw new Error(`There is no chat template for ${name}`);
  const tokenizer = parse(checkpoint.files['tokenizer.json']) as {
    added_tokens: { id: number; content: string }[];
    model: { vocab: Record<string, number> };
  };
  let id = Math.max(...tokenizer.added_tokens.map((token) => token.id));
  for (const content of family.tokens.filter((token) => !tokenizer.added_tokens.some((t) => t.content === token))) {
    const token = { id: ++id, content, lstrip: false, normalized: false, rstrip: false, single_word: false };
    tokenizer.model.vocab[content] = id;
    tokenizer.added_tokens.push({ ...token, special: true } as { id: number; content: string });
  }
  const configuration = checkpoint.files['tokenizer_config.json'] as object;
  return {
    ...checkpoint,
    files: {
      ...checkpoint.files,
      'tokenizer.json': tokenizer,
      'tokenizer_config.json': { ...configuration, chat_template: family.template },
      ...('chat_template.jinja' in checkpoint.files ? { 'chat_template.jinja': family.template } : {}),
    },
  };
}

/**
 * With smaller numbers in the table, pictures weigh as much as words: Gemma multiplies what it reads there by the root of
 * its width, and a model that answers from the same table would repeat what it read last.
 */
function tableScaleOf(name: string): number {
  if (name.startsWith('gemma4-e2b')) return 0.06; // 1536 wide, the others 64
  if (name === 'gemma3-tiny') return 0.15;
  if (name === 'gemma3n-tiny') return 0.25;
  if (looksSharply.has(name)) return 0.6;
  return name.startsWith('gemma') ? 0.3 : 1;
}

function parse(file: object | string | undefined): object {
  if (Buffer.isBuffer(file) || typeof file === 'string') return JSON.parse(file.toString()) as object;
  return file ?? {};
}
