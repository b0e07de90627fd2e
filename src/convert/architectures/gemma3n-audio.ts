import { z } from 'zod';
import { blockCount, parseConfig, size } from '../checkpoint/parse-config.ts';
import type { JsonObject } from '../checkpoint/checkpoint-folder.ts';
import { bool, float32, string, uint32 } from '../gguf/key-values.ts';
import type { KeyValues } from '../gguf/key-values.ts';
import type { TensorRule } from './architecture.ts';
import { copied } from './tensor-rules.ts';

const pair = z.tuple([size, size]);

/** transformers' Gemma3nAudioConfig. */
const audioSchema = z.looseObject({
  hidden_size: size.default(1536),
  /** Not a field of transformers': what convert_hf_to_gguf.py takes for it. */
  intermediate_size: size.default(6144),
  conf_num_hidden_layers: blockCount.default(12),
  conf_num_attention_heads: size.default(8),
  conf_conv_kernel_size: size.default(5),
  sscp_conv_channel_size: pair.default([128, 32]),
  sscp_conv_kernel_size: z.tuple([pair, pair]).default([
    [3, 3],
    [3, 3],
  ]),
  sscp_conv_stride_size: z.tuple([pair, pair]).default([
    [2, 2],
    [2, 2],
  ]),
  input_feat_size: size.default(128),
  vocab_size: size.default(128),
});

export type AudioConfig = z.output<typeof audioSchema>;

/** Reads `audio_config`. Throws `checkpoint_invalid`. */
export function readAudioConfig(config: JsonObject): AudioConfig {
  return parseConfig(audioSchema, config, 'config.json: audio_config');
}

/** Writes the sizes of the encoder. `textWidth` is that of the text model's embeddings. */
export function writeAudioNumbers(keyValues: KeyValues, audio: AudioConfig, textWidth: number): void {
  keyValues
    .set('clip.has_audio_encoder', bool(true))
    .set('clip.audio.projection_dim', uint32(textWidth))
    .set('clip.audio.embedding_length', uint32(audio.hidden_size))
    .set('clip.audio.feed_forward_length', uint32(audio.intermediate_size))
    .set('clip.audio.block_count', uint32(audio.conf_num_hidden_layers))
    .set('clip.audio.attention.head_count', uint32(audio.conf_num_attention_heads));
}

/** Writes the kind of projector, and what goes into the encoder. */
export function writeAudioParameters(keyValues: KeyValues, audio: AudioConfig): void {
  keyValues
    .set('clip.audio.projector_type', string('gemma3na'))
    .set('clip.audio.num_mel_bins', uint32(audio.input_feat_size))
    .set('clip.audio.attention.layer_norm_epsilon', float32(1e-5));
}

/** The rules for the conformer and its projector, which llama.cpp keeps in the file and does not compute yet. */
export function audioTensors(audio: AudioConfig, textWidth: number): TensorRule[] {
  const { hidden_size: width, vocab_size: vocabulary } = audio;
  const [first, second] = audio.sscp_conv_channel_size;
  const [firstKernel, secondKernel] = audio.sscp_conv_kernel_size;
  const subsampling = 'model.audio_tower.subsample_conv_projection';
  // What is left of the frequencies after each convolution, whose borders are padded by one.
  const bands = audio.sscp_conv_stride_size.reduce(
    (bands, [, stride], i) => Math.floor((bands + 2 - (audio.sscp_conv_kernel_size[i]?.[1] ?? 3)) / stride) + 1,
    audio.input_feat_size,
  );
  const single = { type: 'F32' } as const;
  const half = { type: 'F16' } as const;
  return [
    copied(`${subsampling}.conv_0.conv.weight`, 'a.conv1d.0.weight', [first, 1, ...firstKernel], single),
    copied(`${subsampling}.conv_0.norm.weight`, 'a.conv1d.0.norm.weight', [first]),
    copied(`${subsampling}.conv_1.conv.weight`, 'a.conv1d.1.weight', [second, first, ...secondKernel], single),
    copied(`${subsampling}.conv_1.norm.weight`, 'a.conv1d.1.norm.weight', [second]),
    copied(`${subsampling}.input_proj_linear.weight`, 'a.pre_encode.out.weight', [width, bands * second], half),
    copied('model.embed_audio.embedding.weight', 'mm.a.embedding.weight', [vocabulary, width]),
    copied('model.embed_audio.embedding_projection.weight', 'mm.a.input_projection.weight', [textWidth, width]),
    copied('model.embed_audio.hard_embedding_norm.weight', 'mm.a.hard_emb_norm.weight', [width]),
    copied('model.embed_audio.soft_embedding_norm.weight', 'mm.a.soft_emb_norm.weight', [width]),
    ...Array.from({ length: audio.conf_num_hidden_layers }, (_, layer) =>
      layerTensors(audio, `model.audio_tower.conformer.${layer}`, `a.blk.${layer}`),
    ).flat(),
  ];
}

function layerTensors(audio: AudioConfig, source: string, target: string): TensorRule[] {
  const { hidden_size: width, conf_num_attention_heads: heads, conf_conv_kernel_size: kernel } = audio;
  const inner = width * 4;
  const matrix = (from: string, to: string, ...shape: number[]): TensorRule =>
    copied(`${source}.${from}.weight`, `${target}.${to}.weight`, shape);
  const feedForward = (from: string, suffix: string): TensorRule[] => [
    matrix(`${from}.ffw_layer_1`, `ffn_up${suffix}`, inner, width),
    matrix(`${from}.ffw_layer_2`, `ffn_down${suffix}`, width, inner),
    matrix(`${from}.post_layer_norm`, `ffn_post_norm${suffix}`, width),
    matrix(`${from}.pre_layer_norm`, `ffn_norm${suffix}`, width),
  ];
  const attention = 'attention.attn';
  return [
    matrix(`${attention}.k_proj`, 'attn_k', width, width),
    copied(`${source}.${attention}.per_dim_scale`, `${target}.per_dim_scale`, [Math.floor(width / heads)]),
    matrix(`${attention}.q_proj`, 'attn_q', width, width),
    matrix(`${attention}.relative_position_embedding.pos_proj`, 'linear_pos', width, width),
    matrix(`${attention}.v_proj`, 'attn_v', width, width),
    matrix('attention.post', 'attn_out', width, width),
    matrix('attention.post_norm', 'ln2', width),
    matrix('attention.pre_attn_norm', 'ln1', width),
    ...feedForward('ffw_layer_end', '_1'),
    ...feedForward('ffw_layer_start', ''),
    matrix('lconv1d.conv_norm', 'norm_conv', width),
    copied(`${source}.lconv1d.depthwise_conv1d.weight`, `${target}.conv_dw.weight`, [width, 1, kernel], {
      type: 'F32',
    }),
    matrix('lconv1d.linear_end', 'conv_pw2', width, width),
    matrix('lconv1d.linear_start', 'conv_pw1', 2 * width, width),
    matrix('lconv1d.pre_layer_norm', 'conv_norm', width),
    matrix('norm', 'layer_pre_norm', width),
  ];
}
