import { z } from 'zod';
import { blockCount, parseConfig, size } from '../checkpoint/parse-config.ts';
import { isJsonObject } from '../checkpoint/checkpoint-folder.ts';
import { float32, string } from '../gguf/key-values.ts';
import { permute, viewOf } from '../tensor-view.ts';
import type { Declare, TensorRule } from './architecture.ts';
import { readDecoderConfig } from './decoder-config.ts';
import { gemma4ImageSchema, writeMaxTokens } from './gemma4-images.ts';
import { audioTensors, readAudioConfig, writeAudioNumbers, writeAudioParameters } from './gemma4-audio.ts';
import { clippedLinear } from './gemma4-linear.ts';
import { copied } from './tensor-rules.ts';
import { readPreprocessor, towerParameters, writeVisionParameters } from './vision-parameters.ts';
import { imageProcessors } from './image-processors.ts';
import { imageWarnings, writeImageSettings } from './image-settings.ts';

/** transformers' Gemma4VisionConfig. */
const visionSchema = z.looseObject({
  hidden_size: size.default(768),
  intermediate_size: size.default(3072),
  num_hidden_layers: blockCount.default(16),
  num_attention_heads: size.default(12),
  num_key_value_heads: size.default(12),
  head_dim: size.default(64),
  patch_size: size.default(16),
  pooling_kernel_size: z.literal(3, { error: 'llama.cpp pools 3 × 3 patches to a token' }).default(3),
  position_embedding_size: size.default(10_240),
  use_clipped_linears: z.boolean().default(false),
  standardize: z.boolean().default(false),
  layer_norm_eps: z.number().default(1e-6),
});
type VisionConfig = z.output<typeof visionSchema>;

const widthSchema = z.looseObject({ hidden_size: size.default(2304) });

/**
 * Declares the vision encoder and projector of Gemma 4, and those for sound where the checkpoint has them: llama.cpp
 * keeps both in one file.
 *
 * Throws `checkpoint_invalid`.
 */
export const declareVision: Declare = async ({ folder, config }) => {
  const vision = parseConfig(visionSchema, config.vision_config ?? {}, 'config.json: vision_config');
  const audio = isJsonObject(config.audio_config) ? readAudioConfig(config.audio_config) : undefined;
  const { hidden_size: textWidth } = readDecoderConfig(widthSchema, config);
  const images = await readPreprocessor(folder, gemma4ImageSchema, imageProcessors.gemma4);
  const { hidden_size: width, patch_size: patch } = vision;
  const tower = 'model.vision_tower';
  return {
    architecture: 'clip',
    canonicalName: (name) => name.replace('.linear.weight', '.weight'),
    ignored: [],
    warnings: imageWarnings(images, imageProcessors.gemma4, {
      patch_size: patch,
      pooling_kernel_size: vision.pooling_kernel_size,
    }),
    tensors: [
      copied('model.embed_vision.embedding_projection.weight', 'mm.input_projection.weight', [textWidth, width]),
      {
        // Rows of red, green and blue, as a convolution has them.
        sources: [{ name: `${tower}.patch_embedder.input_proj.weight`, shape: [width, patch * patch * 3] }],
        targets: [
          {
            name: 'v.patch_embd.weight',
            shape: [width, 3, patch, patch],
            pieces: [{ source: 0, view: permute(viewOf(width, patch, patch, 3), 0, 3, 1, 2) }],
          },
        ],
      },
      copied(`${tower}.patch_embedder.position_embedding_table`, 'v.position_embd.weight', [
        2,
        vision.position_embedding_size,
        width,
      ]),
      ...(vision.standardize
        ? [copied(`${tower}.std_bias`, 'v.std_bias', [width]), copied(`${tower}.std_scale`, 'v.std_scale', [width])]
        : []),
      ...Array.from({ length: vision.num_hidden_layers }, (_, layer) =>
        layerTensors(vision, `${tower}.encoder.layers.${layer}`, `v.blk.${layer}`),
      ).flat(),
      ...(audio ? audioTensors(audio, textWidth) : []),
    ],
    writeParameters: (keyValues, fileType) => {
      const tower = {
        ...vision,
        image_size: 224, // the encoder takes any size; llama.cpp wants one
      };
      writeVisionParameters(keyValues, towerParameters(tower, textWidth, images), fileType);
      if (audio) writeAudioNumbers(keyValues, audio, textWidth);
      keyValues
        .set('clip.vision.projector_type', string('gemma4v'))
        .set('clip.vision.attention.layer_norm_epsilon', float32(vision.layer_norm_eps));
      if (audio) writeAudioParameters(keyValues, audio);
      writeMaxTokens(keyValues, images, (patch * vision.pooling_kernel_size) ** 2);
      writeImageSettings(keyValues, images, imageProcessors.gemma4);
    },
  };
};

function layerTensors(vision: VisionConfig, source: string, target: string): TensorRule[] {
  const { hidden_size: width, intermediate_size: inner, head_dim: headDim, use_clipped_linears: clipped } = vision;
  const queries = vision.num_attention_heads * headDim;
  const keys = vision.num_key_value_heads * headDim;
  const linear = (from: string, to: string, ...shape: [number, number]): TensorRule[] =>
    clippedLinear(`${source}.${from}`, `${target}.${to}`, shape, clipped);
  const norm = (from: string, to: string, count = width): TensorRule =>
    copied(`${source}.${from}.weight`, `${target}.${to}.weight`, [count]);
  return [
    norm('input_layernorm', 'ln1'),
    norm('pre_feedforward_layernorm', 'ln2'),
    norm('post_attention_layernorm', 'attn_post_norm'),
    norm('post_feedforward_layernorm', 'ffn_post_norm'),
    norm('self_attn.q_norm', 'attn_q_norm', headDim),
    norm('self_attn.k_norm', 'attn_k_norm', headDim),
    ...linear('self_attn.q_proj', 'attn_q', queries, width),
    ...linear('self_attn.k_proj', 'attn_k', keys, width),
    ...linear('self_attn.v_proj', 'attn_v', keys, width),
    ...linear('self_attn.o_proj', 'attn_out', width, queries),
    ...linear('mlp.gate_proj', 'ffn_gate', inner, width),
    ...linear('mlp.up_proj', 'ffn_up', inner, width),
    ...linear('mlp.down_proj', 'ffn_down', width, inner),
  ];
}
