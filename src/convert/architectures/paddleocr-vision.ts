import { z } from 'zod';
import { blockCount, parseConfig, size } from '../checkpoint/parse-config.ts';
import { bool, float32, string, uint32 } from '../gguf/key-values.ts';
import type { Declare } from './architecture.ts';
import { readDecoderConfig } from './decoder-config.ts';
import { areaOf, areaSchema, imageWarnings, writeImageSettings } from './image-settings.ts';
import { siglipSchema, siglipTensors } from './siglip.ts';
import { withBias } from './tensor-rules.ts';
import { readPreprocessor, towerParameters, writeVisionParameters } from './vision-parameters.ts';
import { imageProcessors } from './image-processors.ts';

/** transformers' PaddleOCRVisionConfig. */
const visionSchema = siglipSchema.extend({
  hidden_size: size.default(1152),
  intermediate_size: size.default(4304),
  num_hidden_layers: blockCount.default(27),
  num_attention_heads: size.default(16),
  image_size: size.default(384),
  patch_size: size.default(14),
  spatial_merge_size: z.literal(2, { error: 'llama.cpp merges two by two patches' }).default(2),
  rms_norm_eps: z.number().default(1e-6),
});

const widthSchema = z.looseObject({ hidden_size: size.default(1024) });

/** The bounds of transformers' PaddleOCRVLImageProcessor. */
const processorArea = { min: 384 ** 2, max: 1536 ** 2 };

/** Declares the SigLIP tower and the projector of PaddleOCR-VL. Throws `checkpoint_invalid`. */
export const declareVision: Declare = async ({ folder, config }) => {
  const vision = parseConfig(visionSchema, config.vision_config ?? {}, 'config.json: vision_config');
  const { hidden_size: textWidth } = readDecoderConfig(widthSchema, config);
  const images = await readPreprocessor(folder, areaSchema, imageProcessors.qwenVl);
  const area = areaOf(images, processorArea);
  const merged = vision.hidden_size * vision.spatial_merge_size ** 2;
  return {
    architecture: 'clip',
    canonicalName: (name) => name.replace(/^(?:model\.)?visual\./, '').replace(/^model\.projector\./, 'mlp_AR.'),
    warnings: imageWarnings(images, imageProcessors.qwenVl, {
      patch_size: vision.patch_size,
      merge_size: vision.spatial_merge_size,
    }),
    ignored: [/^vision_model\.head\./, /\.packing_position_embedding\./],
    tensors: [
      ...siglipTensors(vision),
      ...withBias('mlp_AR.pre_norm', 'mm.input_norm', vision.hidden_size),
      ...withBias('mlp_AR.linear_1', 'mm.1', merged, merged),
      ...withBias('mlp_AR.linear_2', 'mm.2', textWidth, merged),
    ],
    writeParameters: (keyValues, fileType) => {
      writeVisionParameters(
        keyValues,
        towerParameters({ ...vision, image_size: Math.floor(Math.sqrt(area.max)) }, textWidth, images),
        fileType,
      );
      keyValues
        .set('clip.projector_type', string('paddleocr'))
        .set('clip.vision.image_max_pixels', uint32(area.max))
        .set('clip.vision.image_min_pixels', uint32(area.min))
        .set('clip.use_gelu', bool(true))
        .set('clip.vision.attention.layer_norm_epsilon', float32(vision.rms_norm_eps));
      writeImageSettings(keyValues, images, imageProcessors.qwenVl);
    },
  };
};
