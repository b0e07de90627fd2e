import { z } from 'zod';
import { blockCount, parseConfig, size } from '../checkpoint/parse-config.ts';
import type { JsonObject } from '../checkpoint/checkpoint-folder.ts';
import { bool, float32, string, uint32 } from '../gguf/key-values.ts';
import type { KeyValues } from '../gguf/key-values.ts';
import type { TensorRule } from './architecture.ts';
import { clippedLinear } from './gemma4-linear.ts';
import { copied } from './tensor-rules.ts';

/** transformers' Gemma4AudioConfig. */
const audioSchema = z.looseObject({
  hidden_size: size.default(1024),
  num_hidden_layers: blockCount.default(12),
  num_attention_heads: size.default(8),
  subsampling_conv_channels: z.tuple([size, size]).default([128, 32]),
  conv_kernel_size: size.default(5),
  use_clipped_linears: z.boolean().default(true),
  output_proj_dims: size.default(1536),
  input_feat_size: size.default(128),
  layer_norm_eps: z.number().default(1e-6),
});

export type AudioConfig = z.output<typeof audioSchema>;

/** Reads `audio_config`. Throws `checkpoint_invalid`. */
export function readAudioConfig(config: JsonObject): AudioConfig {
  return parseConfig(audioSchema, config, 'config.json: audio_config');
}

/** The size of the feed-forward networks, which the configuration leaves out. */
function innerOf(audio: AudioConfig): number {
  return audio.hidden_size * 4;
}

/** Writes the sizes of the encoder. `textWidth` is that of the text model's embeddings. */
export function writeAudioNumbers(keyValues: KeyValues, audio: AudioConfig, textWidth: number): void {
  keyValues
    .set('clip.has_audio_encoder', bool(true))
    .set('clip.audio.projection_dim', uint32(textWidth))
    .set('clip.audio.embedding_length', uint32(audio.hidden_size))
    .set('clip.audio.feed_forward_length', uint32(innerOf(audio)))
    .set('clip.audio.block_count', uint32(audio.num_hidden_layers))
    .set('clip.audio.attention.head_count', uint32(audio.num_attention_heads));
}

/** Writes the kind of projector, and what goes into the encoder. */
export function writeAudioParameters(keyValues: KeyValues, audio: AudioConfig): void {
  keyValues
    .set('clip.audio.projector_type', string('gemma4a'))
    .set('clip.audio.num_mel_bins', uint32(audio.input_feat_size))
    .set('clip.audio.attention.layer_norm_epsilon', float32(audio.layer_norm_eps));
}

/** The rules for the conformer and its projector. */
export function audioTensors(audio: AudioConfig, textWidth: number): TensorRule[] {
  const { hidden_size: width, output_proj_dims: output } = audio;
  const [first, second] = audio.subsampling_conv_channels;
  const [tower, subsampling] = ['model.audio_tower', 'model.audio_tower.subsample_conv_projection'];
  const single = { type: 'F32' } as const;
  return [
    copied(`${subsampling}.layer0.conv.weight`, 'a.conv1d.0.weight', [first, 1, 3, 3], single),
    copied(`${subsampling}.layer0.norm.weight`, 'a.conv1d.0.norm.weight', [first]),
    copied(`${subsampling}.layer1.conv.weight`, 'a.conv1d.1.weight', [second, first, 3, 3], single),
    copied(`${subsampling}.layer1.norm.weight`, 'a.conv1d.1.norm.weight', [second]),
    copied(
      `${subsampling}.input_proj_linear.weight`,
      'a.input_projection.weight',
      [width, Math.floor(first / 4) * second],
      single,
    ),
    copied(`${tower}.output_proj.weight`, 'a.pre_encode.out.weight', [output, width]),
    copied(`${tower}.output_proj.bias`, 'a.pre_encode.out.bias', [output]),
    copied('model.embed_audio.embedding_projection.weight', 'mm.a.input_projection.weight', [textWidth, output]),
    ...Array.from({ length: audio.num_hidden_layers }, (_, layer) =>
      layerTensors(audio, `${tower}.layers.${layer}`, `a.blk.${layer}`),
    ).flat(),
  ];
}

function layerTensors(audio: AudioConfig, source: string, target: string): TensorRule[] {
  const { hidden_size: width, num_attention_heads: heads, conv_kernel_size: kernel } = audio;
  const inner = innerOf(audio);
  const linear = (from: string, to: string, ...shape: [number, number]): TensorRule[] =>
    clippedLinear(`${source}.${from}`, `${target}.${to}`, shape, audio.use_clipped_linears);
  const norm = (from: string, to: string): TensorRule =>
    copied(`${source}.${from}.weight`, `${target}.${to}.weight`, [width]);
  const feedForward = (from: string, suffix: string): TensorRule[] => [
    norm(`${from}.pre_layer_norm`, `ffn_norm${suffix}`),
    norm(`${from}.post_layer_norm`, `ffn_post_norm${suffix}`),
    ...linear(`${from}.ffw_layer_1`, `ffn_up${suffix}`, inner, width),
    ...linear(`${from}.ffw_layer_2`, `ffn_down${suffix}`, width, inner),
  ];
  return [
    ...feedForward('feed_forward1', ''),
    ...feedForward('feed_forward2', '_1'),
    norm('lconv1d.pre_layer_norm', 'conv_norm'),
    norm('lconv1d.conv_norm', 'norm_conv'),
    ...linear('lconv1d.linear_start', 'conv_pw1', 2 * width, width),
    ...linear('lconv1d.linear_end', 'conv_pw2', width, width),
    {
      sources: [{ name: `${source}.lconv1d.depthwise_conv1d.weight`, shape: [width, 1, kernel] }],
      targets: [{ name: `${target}.conv_dw.weight`, shape: [width, kernel], type: 'F32' }],
    },
    norm('norm_pre_attn', 'attn_pre_norm'),
    norm('norm_post_attn', 'attn_post_norm'),
    norm('norm_out', 'ln2'),
    ...linear('self_attn.q_proj', 'attn_q', width, width),
    ...linear('self_attn.k_proj', 'attn_k', width, width),
    ...linear('self_attn.v_proj', 'attn_v', width, width),
    ...linear('self_attn.post', 'attn_out', width, width),
    copied(`${source}.self_attn.relative_k_proj.weight`, `${target}.attn_k_rel.weight`, [width, width]),
    copied(`${source}.self_attn.per_dim_scale`, `${target}.per_dim_scale.weight`, [Math.floor(width / heads)], {
      elements: 'softplus',
    }),
  ];
}
