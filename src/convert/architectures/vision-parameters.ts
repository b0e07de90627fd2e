import { z } from 'zod';
import { VserveError } from '../../errors/index.ts';
import type { CheckpointFolder, JsonObject } from '../checkpoint/checkpoint-folder.ts';
import { parseConfig } from '../checkpoint/parse-config.ts';
import { bool, float32Array, uint32 } from '../gguf/key-values.ts';
import type { KeyValues } from '../gguf/key-values.ts';
import type { ImageProcessor } from './image-processors.ts';
import { withPixelScale } from './pixel-scale.ts';

/** The parameters that every vision encoder has. */
export interface VisionParameters {
  /** Width of the text model's embeddings, into which the projector maps. */
  readonly projectionDim: number;
  readonly imageSize: number;
  readonly patchSize: number;
  readonly embeddingLength: number;
  readonly feedForwardLength: number;
  readonly blockCount: number;
  readonly headCount: number;
  /** Mean and standard deviation by which the preprocessor normalizes each channel. */
  readonly imageMean: readonly number[];
  readonly imageStd: readonly number[];
}

export const preprocessorSchema = z.looseObject({
  image_mean: z.array(z.number()).length(3),
  image_std: z.array(z.number().positive()).length(3),
  do_resize: z.boolean().nullish(),
  /** A filter, as Pillow counts them. */
  resample: z.int().min(0).max(5).nullish(),
});

/**
 * The preprocessor's settings: preprocessor_config.json, overlaid by processor_config.json and, in both, by the image
 * processor's own part, as convert_hf_to_gguf.py merges them. `image_mean` and `image_std` are those for pixels that have
 * been divided by 255.
 *
 * Throws `checkpoint_invalid`.
 */
export async function readPreprocessor<Schema extends z.ZodType>(
  folder: CheckpointFolder,
  schema: Schema,
  { normalizes }: Pick<ImageProcessor, 'normalizes'>,
): Promise<z.output<Schema>> {
  const preprocessor = (await folder.optionalJson('preprocessor_config.json')) ?? {};
  const processor = (await folder.optionalJson('processor_config.json')) ?? {};
  const settings: JsonObject = {
    ...preprocessor,
    ...(preprocessor.media_proc_cfg as JsonObject | undefined),
    ...processor,
    ...(processor.image_processor as JsonObject | undefined),
  };
  if (Object.keys(settings).length === 0) {
    const message =
      'The checkpoint has neither preprocessor_config.json nor processor_config.json. Download it again, whole.';
    throw new VserveError('checkpoint_invalid', message);
  }
  return parseConfig(schema, withPixelScale(settings, normalizes), 'preprocessor_config.json');
}

/** The sizes of a vision encoder, under the names that most configurations have for them. */
export interface TowerConfig {
  readonly image_size: number;
  readonly patch_size: number;
  readonly hidden_size: number;
  readonly intermediate_size: number;
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
}

/** The parameters given by an encoder's configuration and its preprocessor. */
export function towerParameters(
  tower: TowerConfig,
  textWidth: number,
  images: Pick<z.output<typeof preprocessorSchema>, 'image_mean' | 'image_std'>,
): VisionParameters {
  return {
    projectionDim: textWidth,
    imageSize: tower.image_size,
    patchSize: tower.patch_size,
    embeddingLength: tower.hidden_size,
    feedForwardLength: tower.intermediate_size,
    blockCount: tower.num_hidden_layers,
    headCount: tower.num_attention_heads,
    imageMean: images.image_mean,
    imageStd: images.image_std,
  };
}

/** Writes them under `clip.vision.…`, and `general.file_type`, in the order of convert_hf_to_gguf.py. */
export function writeVisionParameters(keyValues: KeyValues, parameters: VisionParameters, fileType: number): void {
  keyValues
    .set('general.file_type', uint32(fileType))
    .set('clip.has_vision_encoder', bool(true))
    .set('clip.vision.projection_dim', uint32(parameters.projectionDim))
    .set('clip.vision.image_size', uint32(parameters.imageSize))
    .set('clip.vision.patch_size', uint32(parameters.patchSize))
    .set('clip.vision.embedding_length', uint32(parameters.embeddingLength))
    .set('clip.vision.feed_forward_length', uint32(parameters.feedForwardLength))
    .set('clip.vision.block_count', uint32(parameters.blockCount))
    .set('clip.vision.attention.head_count', uint32(parameters.headCount))
    .set('clip.vision.image_mean', float32Array(parameters.imageMean))
    .set('clip.vision.image_std', float32Array(parameters.imageStd));
}
