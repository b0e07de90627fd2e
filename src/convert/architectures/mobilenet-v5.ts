import { z } from 'zod';
import { size } from '../checkpoint/parse-config.ts';
import type { TensorRule } from './architecture.ts';
import { copied } from './tensor-rules.ts';

/** Kernels that llama.cpp computes with the padding that timm gives them. */
const kernel = z.literal([3, 5]);
const channels = size.max(65_536);
const stride = z.literal([1, 2]);
const none = z.literal(0, { error: 'llama.cpp does not support this convolution' });
const usual = {
  act_layer: z.null({ error: 'llama.cpp knows GELU only' }).optional(),
  out_chs: channels,
  noskip: z.literal(false, { error: 'llama.cpp always adds what goes into a block' }).default(false),
};

const blockSchema = z.discriminatedUnion('block_type', [
  z.looseObject({
    ...usual,
    block_type: z.literal('er'),
    exp_kernel_size: z.literal(3),
    pw_kernel_size: z.literal(1).default(1),
    exp_ratio: z.number().positive().max(64),
    stride,
    force_in_chs: none.default(0),
    se_ratio: none.default(0),
  }),
  z.looseObject({
    ...usual,
    block_type: z.literal('uir'),
    dw_kernel_size_start: z.literal([0, 3, 5]).default(0),
    dw_kernel_size_mid: z.literal([0, 3, 5]).default(3),
    dw_kernel_size_end: none.default(0),
    exp_ratio: z.number().positive().max(64),
    stride,
    se_ratio: none.default(0),
  }),
  z.looseObject({
    ...usual,
    block_type: z.literal('mqa'),
    dw_kernel_size: kernel.default(3),
    num_heads: size.max(1024),
    key_dim: size.max(65_536),
    value_dim: size.max(65_536),
    kv_stride: stride.default(1),
    stride: z.literal(1),
  }),
]);
type Block = z.output<typeof blockSchema>;

/** How many blocks a stage may have: a limit for corrupt configurations. */
const mostBlocks = 256;
const stageCount = 4;

/** The blocks of each stage, as timm's `block_args` has them. llama.cpp makes out stages by where images shrink. */
export const stagesSchema = z
  .array(z.array(blockSchema).min(1).max(mostBlocks))
  .length(stageCount, { error: `llama.cpp supports only ${String(stageCount)} stages` })
  .superRefine((stages, context) => {
    for (const [stage, blocks] of stages.entries()) {
      for (const [index, block] of blocks.entries()) {
        const problem = problemOf(block, index === 0);
        if (problem !== undefined) context.addIssue({ code: 'custom', path: [stage, index], message: problem });
      }
    }
  });

function problemOf(block: Block, isFirst: boolean): string | undefined {
  if (block.stride !== (isFirst ? 2 : 1)) return 'the first block of a stage halves the image, and no other does';
  if (block.block_type === 'uir' && isFirst && block.dw_kernel_size_mid === 0) {
    return 'llama.cpp halves images between the two convolutions of channels only';
  }
  if (block.block_type === 'mqa' && block.key_dim !== block.value_dim) return 'key_dim and value_dim differ';
  return undefined;
}

const edge = (channels: number, stride: 1 | 2): Block => ({
  block_type: 'er',
  out_chs: channels,
  stride,
  exp_kernel_size: 3,
  pw_kernel_size: 1,
  exp_ratio: 4,
  noskip: false,
  force_in_chs: 0,
  se_ratio: 0,
});
const inverted = (channels: number, stride: 1 | 2, start: 0 | 3 | 5, mid: 0 | 3 | 5, ratio: number): Block => ({
  block_type: 'uir',
  out_chs: channels,
  stride,
  dw_kernel_size_start: start,
  dw_kernel_size_mid: mid,
  dw_kernel_size_end: 0,
  exp_ratio: ratio,
  noskip: false,
  se_ratio: 0,
});
const attention = (channels: number, heads: number, width: number, kvStride: 1 | 2): Block => ({
  block_type: 'mqa',
  out_chs: channels,
  stride: 1,
  dw_kernel_size: 3,
  num_heads: heads,
  key_dim: width,
  value_dim: width,
  kv_stride: kvStride,
  noskip: false,
});
const times = (count: number, ...blocks: Block[]): Block[] => Array.from({ length: count }, () => blocks).flat();

/** Those of timm's `mobilenetv5_300m_enc`. */
const largeStages: readonly (readonly Block[])[] = [
  [edge(128, 2), ...times(2, edge(128, 1))],
  [inverted(256, 2, 3, 5, 6), ...times(2, inverted(256, 1, 5, 0, 4), inverted(256, 1, 3, 0, 4))],
  [
    inverted(640, 2, 5, 5, 6),
    ...times(7, inverted(640, 1, 5, 0, 4)),
    inverted(640, 1, 0, 0, 1),
    ...times(14, attention(640, 12, 64, 2), inverted(640, 1, 0, 0, 2)),
  ],
  [inverted(1280, 2, 5, 5, 6), ...times(19, attention(1280, 16, 96, 1), inverted(1280, 1, 0, 0, 2))],
];

/** An encoder's structure, where it differs from timm's. */
export const towerSchema = z.looseObject({
  stem_size: channels.default(64),
  block_args: stagesSchema.optional(),
});

/** timm's number of channels: a multiple of eight, at least nine tenths of what was asked for. */
function divisible(count: number): number {
  const nearest = Math.max(8, Math.floor((count + 4) / 8) * 8);
  return nearest < 0.9 * count ? nearest + 8 : nearest;
}

/** A convolution without a bias, and the norm behind it. */
function normed(source: string, target: string, shape: readonly number[]): TensorRule[] {
  return [
    copied(`${source}.conv.weight`, `${target}.conv.weight`, shape),
    copied(`${source}.bn.weight`, `${target}.bn.weight`, shape.slice(0, 1)),
  ];
}

/**
 * The rules for MobileNetV5 and for what puts its last two stages together to features of `width` channels, by their names
 * after `source`.
 */
export function mobileNetTensors(
  {
    stem_size: stem,
    block_args: stages = largeStages,
  }: { stem_size: number; block_args?: typeof largeStages | undefined },
  width: number,
  source: string,
): TensorRule[] {
  const rules: TensorRule[] = [
    copied(`${source}.conv_stem.conv.weight`, 'v.conv_stem.conv.weight', [stem, 3, 3, 3], { type: 'F32' }),
    perChannel(`${source}.conv_stem.conv.bias`, 'v.conv_stem.conv.bias', stem),
    copied(`${source}.conv_stem.bn.weight`, 'v.conv_stem.bn.weight', [stem]),
  ];
  let input = stem;
  const ends: number[] = [];
  for (const [stage, blocks] of stages.entries()) {
    for (const [index, block] of blocks.entries()) {
      const output = divisible(block.out_chs);
      const names = [`${source}.blocks.${stage}.${index}`, `v.blk.${stage}.${index}`] as const;
      rules.push(...blockTensors(block, input, output, ...names));
      input = output;
    }
    ends.push(input);
  }
  const fused = ends.slice(-2).reduce((sum, channels) => sum + channels, 0);
  const inner = divisible(fused * 2);
  return [
    ...rules,
    ...normed(`${source}.msfa.ffn.pw_exp`, 'v.msfa.ffn.pw_exp', [inner, fused, 1, 1]),
    ...normed(`${source}.msfa.ffn.pw_proj`, 'v.msfa.ffn.pw_proj', [width, inner, 1, 1]),
    copied(`${source}.msfa.norm.weight`, 'v.msfa.norm.weight', [width]),
  ];
}

/** A number for each channel, of the shape that llama.cpp wants for an image's. */
function perChannel(source: string, target: string, count: number): TensorRule {
  return {
    sources: [{ name: source, shape: [count] }],
    targets: [{ name: target, shape: [1, count, 1, 1], type: 'F32' }],
  };
}

function blockTensors(block: Block, input: number, output: number, source: string, target: string): TensorRule[] {
  const convolution = (name: string, ...shape: number[]): TensorRule =>
    copied(`${source}.${name}.weight`, `${target}.${name}.weight`, shape);
  const scale = perChannel(`${source}.layer_scale.gamma`, `${target}.layer_scale.gamma`, output);
  if (block.block_type === 'er') {
    const inner = divisible(input * block.exp_ratio);
    return [
      convolution('conv_exp', inner, input, 3, 3),
      convolution('bn1', inner),
      convolution('conv_pwl', output, inner, 1, 1),
      convolution('bn2', output),
    ];
  }
  if (block.block_type === 'uir') {
    const { dw_kernel_size_start: start, dw_kernel_size_mid: mid } = block;
    const inner = divisible(input * block.exp_ratio);
    const part = (name: string, ...shape: number[]): TensorRule[] =>
      normed(`${source}.${name}`, `${target}.${name}`, shape);
    return [
      ...(start === 0 ? [] : part('dw_start', input, 1, start, start)),
      ...part('pw_exp', inner, input, 1, 1),
      ...(mid === 0 ? [] : part('dw_mid', inner, 1, mid, mid)),
      ...part('pw_proj', output, inner, 1, 1),
      scale,
    ];
  }
  const { num_heads: heads, key_dim: width, dw_kernel_size: kernel } = block;
  const shrunk = (name: string): TensorRule[] =>
    block.kv_stride === 1
      ? []
      : [convolution(`attn.${name}.down_conv`, input, 1, kernel, kernel), convolution(`attn.${name}.norm`, input)];
  return [
    convolution('norm', input),
    convolution('attn.query.proj', heads * width, input, 1, 1),
    ...shrunk('key'),
    convolution('attn.key.proj', width, input, 1, 1),
    ...shrunk('value'),
    convolution('attn.value.proj', width, input, 1, 1),
    convolution('attn.output.proj', output, heads * width, 1, 1),
    scale,
  ];
}
