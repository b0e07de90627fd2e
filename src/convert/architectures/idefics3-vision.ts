import { z } from 'zod';
import { VserveError } from '../../errors/index.ts';
import { parseConfig, size } from '../checkpoint/parse-config.ts';
import { bool, float32, string, uint32 } from '../gguf/key-values.ts';
import type { Declare } from './architecture.ts';
import { readDecoderConfig } from './decoder-config.ts';
import { imageWarnings, writeImageSettings } from './image-settings.ts';
import { siglipSchema, siglipTensors } from './siglip.ts';
import { copied } from './tensor-rules.ts';
import { preprocessorSchema, readPreprocessor, towerParameters, writeVisionParameters } from './vision-parameters.ts';
import { tilePositions } from './idefics3-tiles.ts';
import { imageProcessors } from './image-processors.ts';

/** The defaults are those of transformers' Idefics3VisionConfig and SmolVLMVisionConfig. */
const visionSchema = siglipSchema.extend({
  hidden_size: size.default(1152),
  num_attention_heads: size.default(16),
  patch_size: size.default(32),
});

const topSchema = z.looseObject({ scale_factor: size.default(2) });
const widthSchema = z.looseObject({ hidden_size: size.default(4096) });
const edgeSchema = z.looseObject({ longest_edge: size.max(65_536).optional() });
const imageSchema = preprocessorSchema.extend({
  size: edgeSchema.optional(),
  max_image_size: edgeSchema.nullish(),
  do_image_splitting: z.boolean().nullish(),
});

/** Declares the SigLIP tower and the connector of Idefics 3 and SmolVLM. Throws `checkpoint_invalid`. */
export const declareVision: Declare = async ({ folder, config }) => {
  const vision = parseConfig(visionSchema, config.vision_config ?? {}, 'config.json: vision_config');
  const { scale_factor: scaleFactor } = parseConfig(topSchema, config, 'config.json');
  const { hidden_size: textWidth } = readDecoderConfig(widthSchema, config);
  const images = await readPreprocessor(folder, imageSchema, imageProcessors.idefics3);
  const tile = images.max_image_size?.longest_edge ?? vision.image_size;
  const unit = vision.patch_size * scaleFactor;
  if (tile !== vision.image_size) checkTile(tile, unit);
  const tablePatches = Math.floor(vision.image_size / vision.patch_size);
  const connector = 'connector.modality_projection.proj.weight';
  return {
    architecture: 'clip',
    canonicalName: (name) => name.replace(/^model\./, ''),
    ignored: [],
    warnings: imageWarnings(images, imageProcessors.idefics3, { image_seq_len: (tile / unit) ** 2 }),
    tensors: [
      copied(connector, 'mm.model.fc.weight', [textWidth, vision.hidden_size * scaleFactor ** 2]),
      ...siglipTensors(vision, { embeddings: 'F32' }).map((rule) =>
        tile !== vision.image_size && rule.targets[0]?.name === 'v.position_embd.weight'
          ? tilePositions(rule, vision.hidden_size, tile / vision.patch_size, tablePatches)
          : rule,
      ),
    ],
    writeParameters: (keyValues, fileType) => {
      writeVisionParameters(keyValues, towerParameters({ ...vision, image_size: tile }, textWidth, images), fileType);
      keyValues
        .set('clip.projector_type', string('idefics3'))
        .set('clip.vision.attention.layer_norm_epsilon', float32(vision.layer_norm_eps))
        .set('clip.vision.projector.scale_factor', uint32(scaleFactor))
        .set('clip.use_gelu', bool(true))
        .set('clip.vision.preproc_image_size', uint32(images.size?.longest_edge ?? tile));
      writeImageSettings(keyValues, images, imageProcessors.idefics3);
      if (images.do_image_splitting === false) keyValues.set('clip.vision.preproc_max_tiles', uint32(1));
    },
  };
};

/** Patches of a tile are put together in squares. Throws `checkpoint_invalid`. */
function checkTile(tile: number, unit: number): void {
  if (tile % unit === 0) return;
  const message = `preprocessor_config.json cannot be converted. max_image_size.longest_edge: ${tile} is no multiple of ${unit}, the pixels of a token along one side.`;
  throw new VserveError('checkpoint_invalid', message);
}
