import { z } from 'zod';
import { VserveError } from '../../errors/index.ts';
import { parseConfig, size } from '../checkpoint/parse-config.ts';
import { isJsonObject } from '../checkpoint/checkpoint-folder.ts';
import { float32, string } from '../gguf/key-values.ts';
import type { Declare } from './architecture.ts';
import { readDecoderConfig } from './decoder-config.ts';
import { audioTensors, readAudioConfig, writeAudioNumbers, writeAudioParameters } from './gemma3n-audio.ts';
import { mobileNetTensors, towerSchema } from './mobilenet-v5.ts';
import { copied } from './tensor-rules.ts';
import { preprocessorSchema, readPreprocessor, towerParameters, writeVisionParameters } from './vision-parameters.ts';
import { imageProcessors } from './image-processors.ts';
import { imageWarnings, writeImageSettings } from './image-settings.ts';

/** transformers' Gemma3nVisionConfig, with what the reference takes for the sizes of a transformer. */
const visionSchema = z.looseObject({
  architecture: z
    .literal('mobilenetv5_300m_enc', { error: 'llama.cpp supports only MobileNetV5' })
    .default('mobilenetv5_300m_enc'),
  hidden_size: size.default(2048),
  intermediate_size: size.max(0x0fff_ffff).default(2048),
  num_attention_heads: size.default(8),
  layer_norm_eps: z.number().default(1e-6),
  vocab_size: size.default(128),
  vocab_offset: z.int().default(262_144),
  model_args: towerSchema.nullish(),
});

const widthSchema = z.looseObject({ hidden_size: size.default(2048) });
const tokenSchema = z.looseObject({ eoi_token_id: z.int().default(262_144) });
const imageSchema = preprocessorSchema.extend({
  size: z.looseObject({ height: size, width: size }).default({ height: 768, width: 768 }),
  image_seq_length: size.default(256),
});
/** Rows and columns of features per image. */
const featureSide = 16;
/** Pixels of the third stage's, which are put together to those. */
const pixelsPerFeature = 16;

/**
 * Declares the vision encoder and projector of Gemma 3n, and those for sound where the checkpoint has them: llama.cpp
 * keeps both in one file.
 *
 * Throws `checkpoint_invalid`.
 */
export const declareVision: Declare = async ({ folder, config }) => {
  const vision = parseConfig(visionSchema, config.vision_config ?? {}, 'config.json: vision_config');
  const audio = isJsonObject(config.audio_config) ? readAudioConfig(config.audio_config) : undefined;
  const { hidden_size: textWidth } = readDecoderConfig(widthSchema, config);
  const { eoi_token_id: endToken } = parseConfig(tokenSchema, config, 'config.json');
  if (endToken !== vision.vocab_offset) {
    const message =
      'config.json cannot be converted. eoi_token_id: what ends an image is the first of the tokens from vision_config.vocab_offset on';
    throw new VserveError('checkpoint_invalid', message);
  }
  const images = await readPreprocessor(folder, imageSchema, imageProcessors.gemma3n);
  const { image_seq_length: imageTokens } = images;
  const side = checkPictures(images.size, imageTokens);
  const { hidden_size: width } = vision;
  return {
    architecture: 'clip',
    canonicalName: (name) => name,
    ignored: [],
    warnings: imageWarnings(images, imageProcessors.gemma3n, { do_center_crop: false, do_pad: false, pad_size: side }),
    tensors: [
      copied('model.embed_vision.embedding.weight', 'mm.embedding.weight', [vision.vocab_size, width]),
      copied('model.embed_vision.embedding_projection.weight', 'mm.input_projection.weight', [textWidth, width]),
      copied('model.embed_vision.hard_embedding_norm.weight', 'mm.hard_emb_norm.weight', [width]),
      copied('model.embed_vision.soft_embedding_norm.weight', 'mm.soft_emb_norm.weight', [width]),
      ...mobileNetTensors(vision.model_args ?? { stem_size: 64 }, width, 'model.vision_tower.timm_model'),
      ...(audio ? audioTensors(audio, textWidth) : []),
    ],
    writeParameters: (keyValues, fileType) => {
      const tower = {
        ...vision,
        image_size: side,
        patch_size: Math.floor(side / imageTokens), // llama.cpp divides by it, to know how many tokens an image has
        intermediate_size: vision.intermediate_size * 4,
        num_hidden_layers: 128, // of no meaning for these encoders
      };
      writeVisionParameters(keyValues, towerParameters(tower, textWidth, images), fileType);
      if (audio) writeAudioNumbers(keyValues, audio, textWidth);
      keyValues
        .set('clip.vision.projector_type', string('gemma3nv'))
        .set('clip.vision.attention.layer_norm_epsilon', float32(vision.layer_norm_eps));
      if (audio) writeAudioParameters(keyValues, audio);
      writeImageSettings(keyValues, images, imageProcessors.gemma3n);
    },
  };
};

/** The side of the squares that images are stretched to. Throws `checkpoint_invalid`. */
function checkPictures({ height, width }: { height: number; width: number }, imageTokens: number): number {
  const [unit, tokens] = [featureSide * pixelsPerFeature, featureSide ** 2];
  if (height === width && height % unit === 0 && imageTokens === tokens) return height;
  const message = `preprocessor_config.json cannot be converted. llama.cpp makes ${String(tokens)} tokens of squares with sides of a multiple of ${String(unit)} pixels, not ${String(imageTokens)} of ${String(width)} × ${String(height)}`;
  throw new VserveError('checkpoint_invalid', message);
}
