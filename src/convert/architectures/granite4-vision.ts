import { z } from 'zod';
import { VserveError } from '../../errors/index.ts';
import { parseConfig, size } from '../checkpoint/parse-config.ts';
import { bool, float32, int32Array, string, uint32 } from '../gguf/key-values.ts';
import type { Declare, TensorRule } from './architecture.ts';
import { readDecoderConfig } from './decoder-config.ts';
import { readProjectors } from './granite4-projectors.ts';
import { checkPreparation, preparationSchema } from './llava-preparation.ts';
import { readPinpoints } from './llava-vision.ts';
import { siglipIgnored, siglipSchema, siglipTensors } from './siglip.ts';
import { copied, withBias } from './tensor-rules.ts';
import { readPreprocessor, towerParameters, writeVisionParameters } from './vision-parameters.ts';
import { imageProcessors } from './image-processors.ts';
import { imageWarnings, writeImageSettings } from './image-settings.ts';

/** llama.cpp gives the projectors' norms the encoder's epsilon, which transformers writes out. */
const visionSchema = siglipSchema.extend({
  model_type: z.literal('siglip_vision_model', { error: 'only the vision encoder SigLIP can be converted' }),
  layer_norm_eps: z.literal(1e-6).default(1e-6),
  hidden_act: z.enum(['gelu', 'gelu_pytorch_tanh']).default('gelu_pytorch_tanh'),
});

/** Elements of a head of the projectors. */
const headDim = 64;

const topSchema = z.looseObject({
  downsample_rate: z.string().regex(/^\d{1,4}\/\d{1,4}$/),
  vision_feature_select_strategy: z.literal('full'),
  qformer_config: z
    .looseObject({
      num_hidden_layers: z.literal(1).default(1),
      intermediate_size: size.default(3072),
      layer_norm_eps: z.literal(1e-12).default(1e-12),
      hidden_act: z.literal('gelu').default('gelu'),
    })
    .prefault({}),
});
const textSchema = z.looseObject({ hidden_size: size.default(4096) });

/** Declares the SigLIP tower of Granite 4 Vision and its projectors. Throws `checkpoint_invalid`. */
export const declareVision: Declare = async ({ folder, config }) => {
  const vision = parseConfig(visionSchema, config.vision_config ?? {}, 'config.json: vision_config');
  const { downsample_rate: rate, qformer_config: former } = parseConfig(topSchema, config, 'config.json');
  const { hidden_size: width, image_size: imageSize, patch_size: patchSize } = vision;
  const sides = windowOf(rate, Math.floor(imageSize / patchSize), width);
  const projectors = readProjectors(config);
  const pinpoints = readPinpoints(config, imageSize);
  const { hidden_size: textWidth } = readDecoderConfig(textSchema, config);
  const images = await readPreprocessor(folder, preparationSchema, imageProcessors.llavaNext);
  checkPreparation(images, imageSize, 'tiles');
  return {
    architecture: 'clip',
    canonicalName: (name) =>
      name.replace(/^model\./, '').replace(/^vision_tower\.(?:vision_model\.)?/, 'vision_model.'),
    ignored: siglipIgnored,
    warnings: imageWarnings(images, imageProcessors.llavaNext, {
      downsample_rate: rate,
      image_grid_pinpoints: config.image_grid_pinpoints,
      patch_size: patchSize,
      vision_feature_select_strategy: 'full',
    }),
    tensors: [
      copied('image_newline', 'v.image_newline', [textWidth]),
      ...projectors.flatMap(({ kind, index }, i) =>
        projector(`${kind}_projectors.${index}`, `v.proj_blk.${i}`, {
          ...sides,
          width,
          textWidth,
          inner: former.intermediate_size,
        }),
      ),
      ...siglipTensors(vision),
    ],
    writeParameters: (keyValues, fileType) => {
      writeVisionParameters(keyValues, towerParameters(vision, textWidth, images), fileType);
      const offsets = projectors.map(({ kind, index }) => (kind === 'spatial' ? index : -1));
      writeImageSettings(keyValues, images, imageProcessors.llavaNext);
      keyValues
        .set('clip.projector_type', string('granite4_vision'))
        .set('clip.vision.attention.layer_norm_epsilon', float32(vision.layer_norm_eps))
        .set('clip.use_gelu', bool(true))
        .set('clip.vision.preproc_image_size', uint32(imageSize))
        .set('clip.vision.projector.query_side', uint32(sides.query))
        .set('clip.vision.projector.window_side', uint32(sides.window))
        .set('clip.vision.feature_layer', int32Array(projectors.map(({ visionLayer }) => visionLayer)))
        .set('clip.vision.projector.spatial_offsets', int32Array(offsets))
        .set('clip.vision.image_grid_pinpoints', int32Array(pinpoints));
    },
  };
};

/** The sides of what a projector asks with and of what it looks at, in patches: llama.cpp knows halves only. */
function windowOf(rate: string, side: number, width: number): { readonly query: number; readonly window: number } {
  const [query = 0, window = 0] = rate.split('/').map(Number);
  if (query > 0 && window === 2 * query && side % window === 0 && width % headDim === 0) return { query, window };
  const message = `config.json cannot be converted. downsample_rate: ${JSON.stringify(rate)} does not halve an image of ${side} × ${side} patches in whole windows, or the encoder’s width, ${width}, is no multiple of ${headDim}.`;
  throw new VserveError('checkpoint_invalid', message);
}

interface ProjectorSizes {
  readonly query: number;
  readonly window: number;
  readonly width: number;
  readonly textWidth: number;
  readonly inner: number;
}

/** One layer of a transformer that asks windows of patches for fewer tokens. */
function projector(source: string, target: string, sizes: ProjectorSizes): TensorRule[] {
  const { query, window, width, textWidth, inner } = sizes;
  const layer = `${source}.qformer.encoder.layer.0`;
  const attention = (from: string, to: string): TensorRule[] => [
    ...withBias(`${layer}.${from}.attention.query`, `${target}.${to}_q`, width, width),
    ...withBias(`${layer}.${from}.attention.key`, `${target}.${to}_k`, width, width),
    ...withBias(`${layer}.${from}.attention.value`, `${target}.${to}_v`, width, width),
    ...withBias(`${layer}.${from}.output.dense`, `${target}.${to}_out`, width, width),
    ...withBias(`${layer}.${from}.output.LayerNorm`, `${target}.${to}_norm`, width),
  ];
  return [
    copied(`${source}.query`, `${target}.query`, [1, query ** 2, width]),
    copied(`${source}.image_positions`, `${target}.img_pos`, [1, window ** 2, width]),
    ...withBias(`${source}.norm`, `${target}.norm`, width),
    ...withBias(`${source}.out_linear`, `${target}.linear`, textWidth, width),
    ...withBias(`${source}.qformer.layernorm`, `${target}.post_norm`, width),
    ...attention('attention', 'self_attn'),
    ...attention('crossattention', 'cross_attn'),
    ...withBias(`${layer}.intermediate_query.dense`, `${target}.ffn_up`, inner, width),
    ...withBias(`${layer}.output_query.dense`, `${target}.ffn_down`, width, inner),
    ...withBias(`${layer}.output_query.LayerNorm`, `${target}.ffn_norm`, width),
  ];
}
