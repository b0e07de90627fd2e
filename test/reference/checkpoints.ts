import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { textShapes, visionShapes } from './gemma3-shapes.ts';
import { inFp8Blocks, outtypes, quantizedCheckpoints } from './quantized-checkpoints.ts';
import { pieceTypes } from '../../src/convert/tokenizers/sentencepiece-model.ts';
import { sentencePieceModel, syntheticPieces } from './sentencepiece-writer.ts';
import type { SyntheticCheckpoint } from './write-checkpoint.ts';

const chatTemplate = "{% for message in messages %}{{ '<start_of_turn>' + message['role'] }}{% endfor %}";

const specialToken = (content: string): object => ({ content, lstrip: false, normalized: false, special: true });

const tokenizerConfig = {
  add_bos_token: true,
  add_eos_token: false,
  added_tokens_decoder: {
    0: specialToken('<pad>'),
    1: specialToken('<eos>'),
    2: specialToken('<bos>'),
    3: specialToken('<unk>'),
    4: { ...specialToken('<mask>'), special: false },
    5: { ...specialToken('\u2581\u2581'), special: false },
    6: { ...specialToken('<unused0>'), special: false },
  },
  bos_token: '<bos>',
  eos_token: '<eos>',
  pad_token: { content: '<pad>' },
  unk_token: '<unk>',
};

/** A text-only model whose half-precision weights and partly missing settings try the rarer ways. */
const textOnly: SyntheticCheckpoint = {
  seed: 270,
  dtype: 'F16',
  shards: 1,
  shapes: new Map([
    ...textShapes({ vocabulary: 320, width: 64, inner: 96, layers: 2, heads: 2, headsKv: 1, headDim: 32 }, ''),
    ['lm_head.weight', [300, 64]],
  ]).set('model.embed_tokens.weight', [310, 64]),
  files: {
    'config.json': {
      _name_or_path: 'example/gemma-tiny-1k-v1.5-Instruct',
      architectures: ['Gemma3ForCausalLM'],
      model_type: 'gemma3_text',
      vocab_size: 300,
      hidden_size: 64,
      intermediate_size: 96,
      num_hidden_layers: 2,
      num_attention_heads: 2,
      num_key_value_heads: 1,
      head_dim: 32,
      max_position_embeddings: 32_768,
      rope_scaling: null,
      sliding_window: 512,
      sliding_window_pattern: 6,
      final_logit_softcapping: 30.5,
      eos_token_id: [1, 106],
      mask_token_id: 4,
    },
    'generation_config.json': { top_k: 64, top_p: 0.95, min_p: 0.05, temperature: 1, repetition_penalty: 1.1 },
    'tokenizer.model': sentencePieceModel(syntheticPieces(290)),
    'added_tokens.json': { '<extra>': 291, '<beyond>': 5000 },
    'tokenizer_config.json': { ...tokenizerConfig, chat_template: chatTemplate },
  },
};

/** Configured like gemma-3-4b-it on the Hub, which leaves out what has a default, but of small and odd sizes. */
const visionLike4b: SyntheticCheckpoint = {
  seed: 4,
  dtype: 'BF16',
  shards: 3,
  shapes: new Map([
    ...textShapes(
      { vocabulary: 262_208, width: 40, inner: 72, layers: 2, heads: 8, headsKv: 4, headDim: 256 },
      'language_model.',
    ),
    ...visionShapes({ width: 36, inner: 43, layers: 2, patchSize: 14, patches: 4096 }, 40),
  ]),
  files: {
    'config.json': {
      architectures: ['Gemma3ForConditionalGeneration'],
      boi_token_index: 255_999,
      eoi_token_index: 256_000,
      eos_token_id: [1, 106],
      image_token_index: 262_144,
      initializer_range: 0.02,
      mm_tokens_per_image: 256,
      model_type: 'gemma3',
      text_config: {
        hidden_size: 40,
        intermediate_size: 72,
        model_type: 'gemma3_text',
        num_hidden_layers: 2,
        rope_scaling: { factor: 8.0, rope_type: 'linear' },
        sliding_window: 1024,
      },
      torch_dtype: 'bfloat16',
      vision_config: {
        hidden_size: 36,
        image_size: 896,
        intermediate_size: 43,
        model_type: 'siglip_vision_model',
        num_attention_heads: 4,
        num_hidden_layers: 2,
        patch_size: 14,
        vision_use_head: false,
      },
    },
    'generation_config.json': { bos_token_id: 2, do_sample: true, eos_token_id: [1, 106], top_k: 64, top_p: 0.95 },
    'preprocessor_config.json': { image_mean: [0.5, 0.5, 0.5], image_std: [0.5, 0.25, 0.125], image_seq_length: 256 },
    'processor_config.json': { image_seq_length: 256, processor_class: 'Gemma3Processor' },
    'chat_template.json': { chat_template: chatTemplate },
    'tokenizer.model': sentencePieceModel(syntheticPieces(300)),
    'added_tokens.json': { '<image_soft_token>': 262_144 },
    'tokenizer_config.json': tokenizerConfig,
    'tokenizer.json': {
      added_tokens: Object.entries(tokenizerConfig.added_tokens_decoder).map(([id, token]) => ({
        id: Number(id),
        ...token,
      })),
      post_processor: {
        type: 'TemplateProcessing',
        single: [{ SpecialToken: { id: '<bos>' } }, { Sequence: { id: 'A' } }, { SpecialToken: { id: '<eos>' } }],
        pair: [
          { SpecialToken: { id: '<bos>' } },
          { Sequence: { id: 'A' } },
          { SpecialToken: { id: '<eos>' } },
          { Sequence: { id: 'B' } },
          { SpecialToken: { id: '<eos>' } },
        ],
      },
    },
  },
};

const words =
  'What is in this picture The first second red or blue And Describe image How many shapes are there Which color circle square green yellow one two three left right A It it triangle below above and'.split(
    ' ',
  );
const piecesWithWords = [
  ...syntheticPieces(263),
  ...words.map((word, i) => ({ text: `\u2581${word}`, score: -i - 0.25, type: pieceTypes.normal })),
  ...['<start_of_image>', '<end_of_image>', '<start_of_turn>', '<end_of_turn>', '\n', '\n\n'].map((text) => ({
    text,
    score: 0,
    type: text.startsWith('<') ? pieceTypes.control : pieceTypes.userDefined,
  })),
];
const imageToken = piecesWithWords.length;

/** A small one of words, whose encoder pools other squares than the large models', under transformers 5's field names. */
const smallVision: SyntheticCheckpoint = {
  seed: 43,
  dtype: 'BF16',
  shards: 1,
  shapes: new Map([
    ...textShapes(
      { vocabulary: imageToken + 1, width: 72, inner: 104, layers: 7, heads: 4, headsKv: 2, headDim: 32 },
      'language_model.',
    ),
    ...visionShapes({ width: 48, inner: 68, layers: 3, patchSize: 14, patches: 64 }, 72),
  ]),
  files: {
    'config.json': {
      architectures: ['Gemma3ForConditionalGeneration'],
      boi_token_index: imageToken - 6,
      dtype: 'bfloat16',
      eoi_token_index: imageToken - 5,
      eos_token_id: [1, imageToken - 3],
      image_token_index: imageToken,
      mm_tokens_per_image: 16,
      model_type: 'gemma3',
      text_config: {
        head_dim: 32,
        hidden_size: 72,
        intermediate_size: 104,
        layer_types: Array.from({ length: 7 }, (_, i) => (i % 6 === 5 ? 'full_attention' : 'sliding_attention')),
        model_type: 'gemma3_text',
        num_attention_heads: 4,
        num_hidden_layers: 7,
        num_key_value_heads: 2,
        query_pre_attn_scalar: 32,
        rope_parameters: {
          full_attention: { factor: 8.0, rope_theta: 1_000_000.0, rope_type: 'linear' },
          sliding_attention: { rope_theta: 10_000.0, rope_type: 'default' },
        },
        sliding_window: 64,
        vocab_size: imageToken + 1,
      },
      vision_config: {
        hidden_size: 48,
        image_size: 112,
        intermediate_size: 68,
        model_type: 'siglip_vision_model',
        num_attention_heads: 3,
        num_hidden_layers: 3,
        patch_size: 14,
        vision_use_head: false,
      },
    },
    'preprocessor_config.json': { image_mean: [0.5, 0.5, 0.5], image_std: [0.5, 0.5, 0.5], image_seq_length: 16 },
    'processor_config.json': { image_seq_length: 16, processor_class: 'Gemma3Processor' },
    'tokenizer.model': sentencePieceModel(piecesWithWords),
    'added_tokens.json': { '<image_soft_token>': imageToken },
    'tokenizer_config.json': { ...tokenizerConfig, chat_template: chatTemplate },
  },
};

/** Single-precision weights that round in every direction, under a configuration as transformers 5 writes it. */
const textOfFloats: SyntheticCheckpoint = {
  seed: 32,
  dtype: 'F32',
  shards: 2,
  shapes: textShapes({ vocabulary: 300, width: 64, inner: 80, layers: 1, heads: 2, headsKv: 1, headDim: 32 }, ''),
  files: {
    'config.json': {
      architectures: ['Gemma3ForCausalLM'],
      model_type: 'gemma3_text',
      vocab_size: 300,
      hidden_size: 64,
      intermediate_size: 80,
      num_hidden_layers: 1,
      num_attention_heads: 2,
      num_key_value_heads: 1,
      head_dim: 32,
      rope_parameters: {
        full_attention: { rope_type: 'linear', factor: 8.0, rope_theta: 2_000_000.0 },
        sliding_attention: { rope_type: 'default', rope_theta: 20_000.0 },
      },
      sliding_window: 512,
      use_bidirectional_attention: true,
    },
    'tokenizer.model': sentencePieceModel(syntheticPieces(300)),
    'tokenizer_config.json': { ...tokenizerConfig, bos_token: '<pad>' },
    'chat_template.jinja': `${chatTemplate}\r\nend\r\n`,
  },
};

interface ReferenceCheckpoint {
  readonly checkpoint: SyntheticCheckpoint;
  readonly outtypes: readonly string[];
  /** Keys whose values are not the reference's. */
  readonly ownKeys?: readonly string[];
  /** Parts of tensors' names that the reference has wrong, and what stands in their place. */
  readonly ownNames?: Readonly<Record<string, string>>;
  /** Tensors that are in single precision whatever the output type, and the reference's are not. */
  readonly ownSingles?: readonly string[];
}

/** A file of `test/fixtures/checkpoints`, which describe-checkpoints.py writes. */
interface Description extends Omit<SyntheticCheckpoint, 'shapes'> {
  readonly outtypes: readonly string[];
  readonly ownNames?: Readonly<Record<string, string>>;
  readonly ownSingles?: readonly string[];
  readonly shapes: Readonly<Record<string, readonly number[]>>;
  /** A folder of `test/fixtures/tokenizers`, whose files belong to the checkpoint. */
  readonly tokenizer: string;
}

const fixtures = fileURLToPath(
  new URL(`${import.meta.url.endsWith('.ts') ? '../..' : '../../..'}/test/fixtures/`, import.meta.url),
);

/** The absolute path of a file of `test/fixtures`, from the sources and from what is built of them. */
export function fixture(file: string): string {
  return join(fixtures, file);
}

function describedCheckpoint(file: string): ReferenceCheckpoint {
  const path = join(fixtures, 'checkpoints', file);
  const description = JSON.parse(readFileSync(path, 'utf8')) as Description;
  const { outtypes, ownNames, ownSingles, shapes, tokenizer, files, ...checkpoint } = description;
  const tokenizerFolder = join(fixtures, 'tokenizers', tokenizer);
  const tokenizerFiles = readdirSync(tokenizerFolder).map((name) => [name, readFileSync(join(tokenizerFolder, name))]);
  return {
    outtypes,
    ...(ownNames && { ownNames }),
    ...(ownSingles && { ownSingles }),
    checkpoint: {
      ...checkpoint,
      shapes: new Map(Object.entries(shapes)),
      files: { ...(Object.fromEntries(tokenizerFiles) as Record<string, Buffer>), ...files },
    },
  };
}

/** The checkpoints of `test/fixtures/convert-reference`, and the output types in which the reference converted each. */
export const referenceCheckpoints: Readonly<Record<string, ReferenceCheckpoint>> = {
  'gemma-tiny-text': { checkpoint: textOnly, outtypes },
  'gemma-3-4b-like': { checkpoint: visionLike4b, outtypes },
  'gemma3-tiny': { checkpoint: smallVision, outtypes },
  'gemma-tiny-floats': { checkpoint: textOfFloats, outtypes },
  ...quantizedCheckpoints,
  'qwen3-vl-moe-fp8-tiny': {
    checkpoint: inFp8Blocks(describedCheckpoint('qwen3-vl-moe-tiny.json').checkpoint, [24, 40]),
    outtypes: ['f32', 'f16', 'bf16', 'q8_0'],
  },
  ...Object.fromEntries(
    readdirSync(join(fixtures, 'checkpoints')).map((file) => [basename(file, '.json'), describedCheckpoint(file)]),
  ),
};
