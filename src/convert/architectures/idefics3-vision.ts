import { z } from 'zod';
import { parseConfig, size } from '../checkpoint/parse-config.ts';
import { bool, float32, string, uint32 } from '../gguf/key-values.ts';
import type { Declare } from './architecture.ts';
import { readDecoderConfig } from './decoder-config.ts';
import { siglipSchema, siglipTensors } from './siglip.ts';
import { copied } from './tensor-rules.ts';
import { preprocessorSchema, readPreprocessor, writeVisionParameters } from './vision-parameters.ts';

/** The defaults are those of transformers' Idefics3VisionConfig and SmolVLMVisionConfig. */
const visionSchema = siglipSchema.extend({
  hidden_size: size.default(1152),
  num_attention_heads: size.default(16),
  patch_size: size.default(32),
});

const topSchema = z.looseObject({ scale_factor: size.default(2) });
const widthSchema = z.looseObject({ hidden_size: size.default(4096) });
const sizeSchema = preprocessorSchema.extend({ size: z.looseObject({ longest_edge: size.optional() }).optional() });

/** Declares the SigLIP tower and the connector of Idefics 3 and SmolVLM. @throws VserveError `checkpoint_invalid` */
export const declareVision: Declare = async ({ folder, config }) => {
  const vision = parseConfig(visionSchema, config.vision_config ?? {}, 'config.json: vision_config');
  const { scale_factor: scaleFactor } = parseConfig(topSchema, config, 'config.json');
  const { hidden_size: textWidth } = readDecoderConfig(widthSchema, config);
  const preprocessor = await readPreprocessor(folder, sizeSchema);
  const connector = 'connector.modality_projection.proj.weight';
  return {
    architecture: 'clip',
    canonicalName: (name) => name.replace(/^model\./, ''),
    ignored: [],
    tensors: [
      copied(connector, 'mm.model.fc.weight', [textWidth, vision.hidden_size * scaleFactor ** 2]),
      ...siglipTensors(vision, { embeddings: 'F32' }),
    ],
    writeParameters: (keyValues, fileType) => {
      const parameters = {
        projectionDim: textWidth,
        imageSize: vision.image_size,
        patchSize: vision.patch_size,
        embeddingLength: vision.hidden_size,
        feedForwardLength: vision.intermediate_size,
        blockCount: vision.num_hidden_layers,
        headCount: vision.num_attention_heads,
        imageMean: preprocessor.image_mean,
        imageStd: preprocessor.image_std,
      };
      writeVisionParameters(keyValues, parameters, fileType);
      keyValues
        .set('clip.projector_type', string('idefics3'))
        .set('clip.vision.attention.layer_norm_epsilon', float32(vision.layer_norm_eps))
        .set('clip.vision.projector.scale_factor', uint32(scaleFactor))
        .set('clip.use_gelu', bool(true))
        .set('clip.vision.preproc_image_size', uint32(preprocessor.size?.longest_edge ?? vision.image_size));
    },
  };
};
