import { z } from 'zod';
import { parseConfig, size } from '../checkpoint/parse-config.ts';
import { bool, float32, int32Array, string, uint32 } from '../gguf/key-values.ts';
import { permute, viewOf } from '../tensor-view.ts';
import type { TensorView } from '../tensor-view.ts';
import type { Declare, TensorRule } from './architecture.ts';
import { readDecoderConfig } from './decoder-config.ts';
import { gemma4ImageSchema, writeMaxTokens } from './gemma4-images.ts';
import { declareText as declareGemma4 } from './gemma4.ts';
import { copied, withBias } from './tensor-rules.ts';
import { readPreprocessor, towerParameters, writeVisionParameters } from './vision-parameters.ts';
import { imageProcessors } from './image-processors.ts';
import { imageWarnings, writeImageSettings } from './image-settings.ts';

const generationSchema = z.looseObject({ suppress_tokens: z.array(z.int().min(0)).nullish() });

/** Declares the text model of Gemma 4 Unified: Gemma 4's, and tokens that it must not say. Throws `checkpoint_invalid`. */
export const declareText: Declare = async (checkpoint) => {
  const declaration = await declareGemma4(checkpoint);
  const generation = (await checkpoint.folder.optionalJson('generation_config.json')) ?? {};
  const { suppress_tokens: suppressed } = parseConfig(generationSchema, generation, 'generation_config.json');
  return {
    ...declaration,
    writeParameters: (keyValues, fileType) => {
      declaration.writeParameters(keyValues, fileType);
      if (suppressed) keyValues.set('tokenizer.ggml.suppress_tokens', int32Array(suppressed));
    },
  };
};

/** transformers' Gemma4UnifiedVisionConfig and Gemma4UnifiedAudioConfig. */
const visionSchema = z.looseObject({
  mm_embed_dim: size.default(3840),
  mm_posemb_size: size.default(1120),
  patch_size: size.default(16),
  pooling_kernel_size: z.literal(3, { error: 'llama.cpp takes 3 × 3 patches together' }).default(3),
  /** The side of what becomes a token, where it is not `patch_size` times `pooling_kernel_size`. */
  model_patch_size: size.optional(),
  layer_norm_eps: z.number().default(1e-6),
});
const audioSchema = z.looseObject({
  audio_embed_dim: size.default(640),
  input_feat_size: size.default(128),
  layer_norm_eps: z.number().default(1e-6),
});
const widthSchema = z.looseObject({ hidden_size: size.default(3840) });

/**
 * Declares what images and sound go through to the text model of Gemma 4 Unified: it has no encoders, but a layer for
 * patches and one for frames.
 *
 * Throws `checkpoint_invalid`.
 */
export const declareVision: Declare = async ({ folder, config }) => {
  const vision = parseConfig(visionSchema, config.vision_config ?? {}, 'config.json: vision_config');
  const audio = parseConfig(audioSchema, config.audio_config ?? {}, 'config.json: audio_config');
  const { hidden_size: textWidth } = readDecoderConfig(widthSchema, config);
  const images = await readPreprocessor(folder, gemma4ImageSchema, imageProcessors.gemma4);
  const { mm_embed_dim: width, mm_posemb_size: positions } = vision;
  const side = vision.model_patch_size ?? vision.patch_size * vision.pooling_kernel_size;
  const embedder = 'model.vision_embedder';
  // Rows of red, green and blue: llama.cpp has one colour after the other.
  const colours = (rows: number): TensorView => permute(viewOf(rows, side, side, 3), 0, 3, 1, 2);
  const patches = (name: string, target: string, ...shape: number[]): TensorRule =>
    copied(`${embedder}.${name}`, target, shape, {
      pieces: [{ source: 0, view: colours(shape.length === 1 ? 1 : (shape[0] ?? 1)) }],
    });
  const pixels = side * side * 3;
  return {
    architecture: 'clip',
    canonicalName: (name) => name,
    ignored: [],
    warnings: imageWarnings(images, imageProcessors.gemma4, {
      patch_size: vision.patch_size,
      pooling_kernel_size: vision.pooling_kernel_size,
    }),
    tensors: [
      copied('model.embed_vision.embedding_projection.weight', 'mm.input_projection.weight', [textWidth, width]),
      copied('model.embed_audio.embedding_projection.weight', 'mm.a.input_projection.weight', [
        textWidth,
        audio.audio_embed_dim,
      ]),
      patches('patch_dense.weight', 'v.patch_embd.weight', width, pixels),
      copied(`${embedder}.patch_dense.bias`, 'v.patch_embd.bias', [width]),
      patches('patch_ln1.weight', 'v.patch_norm.1.weight', pixels),
      patches('patch_ln1.bias', 'v.patch_norm.1.bias', pixels),
      ...withBias(`${embedder}.patch_ln2`, 'v.patch_norm.2', width),
      ...withBias(`${embedder}.pos_norm`, 'v.patch_norm.3', width),
      {
        sources: [{ name: `${embedder}.pos_embedding`, shape: [positions, 2, width] }],
        targets: [
          {
            name: 'v.position_embd.weight',
            shape: [2, positions, width],
            pieces: [{ source: 0, view: permute(viewOf(positions, 2, width), 1, 0, 2) }],
          },
        ],
      },
    ],
    writeParameters: (keyValues, fileType) => {
      const tower = {
        ...vision,
        image_size: 224, // images may have any size; llama.cpp wants one
        hidden_size: width,
        intermediate_size: 0,
        num_hidden_layers: 0,
        num_attention_heads: 0,
      };
      writeVisionParameters(keyValues, towerParameters(tower, textWidth, images), fileType);
      keyValues
        .set('clip.has_audio_encoder', bool(true))
        .set('clip.audio.projection_dim', uint32(textWidth))
        .set('clip.audio.embedding_length', uint32(audio.audio_embed_dim))
        .set('clip.audio.feed_forward_length', uint32(0))
        .set('clip.audio.block_count', uint32(0))
        .set('clip.audio.attention.head_count', uint32(0))
        .set('clip.vision.projector_type', string('gemma4uv'))
        .set('clip.vision.attention.layer_norm_epsilon', float32(vision.layer_norm_eps))
        .set('clip.audio.projector_type', string('gemma4ua'))
        .set('clip.audio.num_mel_bins', uint32(audio.input_feat_size))
        .set('clip.audio.attention.layer_norm_epsilon', float32(audio.layer_norm_eps));
      writeMaxTokens(keyValues, images, side ** 2);
      writeImageSettings(keyValues, images, imageProcessors.gemma4);
    },
  };
};
