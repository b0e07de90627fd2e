import { z } from 'zod';
import { blockCount, parseConfig, size } from '../checkpoint/parse-config.ts';
import { bool, float32, string, uint32 } from '../gguf/key-values.ts';
import type { KeyValues } from '../gguf/key-values.ts';
import type { Declare, GgufDeclaration, TensorRule } from './architecture.ts';
import { readDecoderConfig } from './decoder-config.ts';
import { copied, withBias } from './tensor-rules.ts';
import { preprocessorSchema, readPreprocessor, writeVisionParameters } from './vision-parameters.ts';
import type { VisionParameters } from './vision-parameters.ts';
import { imageProcessors } from './image-processors.ts';
import { imageWarnings } from './image-settings.ts';

/** The layers of SAM whose attention goes over the whole image, which llama.cpp takes for granted. */
const wholeLayers = [2, 5, 8, 11];
/** The side of the whole image and that of a patch, for the same reason. */
const [side, patch] = [1024, 16];
const window = 14;
/** What SAM's neck makes of a patch. */
const neckWidth = 256;

const samSchema = z
  .looseObject({
    layers: blockCount,
    width: size,
    heads: size,
    global_attn_indexes: z.array(z.int()),
    downsample_channels: z.tuple([size, size]),
  })
  .refine(({ width, heads }) => width % heads === 0, { path: ['heads'], error: 'it does not divide the width' })
  .refine(
    ({ layers, global_attn_indexes: indexes }) =>
      JSON.stringify(indexes.filter((i) => i < layers)) === JSON.stringify(wholeLayers.filter((i) => i < layers)),
    { path: ['global_attn_indexes'], error: `llama.cpp supports only ${wholeLayers.join(', ')}` },
  );

type SamConfig = z.output<typeof samSchema>;

const widthSchema = z.looseObject({ hidden_size: size });
const samSideSchema = z.literal(side, { error: `llama.cpp supports only images of ${side} pixels` }).default(side);
const windowSchema = z
  .literal(window, { error: `llama.cpp supports only windows of ${window} patches` })
  .default(window);

const clipSchema = z.looseObject({
  image_size: samSideSchema,
  window_size: windowSchema,
  width: z.looseObject({
    sam_vit_b: samSchema,
    'clip-l-14-224': z.looseObject({
      layers: blockCount,
      width: size,
      heads: size,
      image_size: size,
      patch_size: size,
    }),
  }),
});

/** Declares the encoders of DeepSeek-OCR, SAM and behind it CLIP, and its projector. Throws `checkpoint_invalid`. */
export const declareVision: Declare = async ({ folder, config }) => {
  const vision = parseConfig(clipSchema, config.vision_config ?? {}, 'config.json: vision_config');
  const { hidden_size: textWidth } = readDecoderConfig(widthSchema, config);
  const images = await readPreprocessor(folder, preprocessorSchema, imageProcessors.deepseekOcr);
  const { sam_vit_b: sam, 'clip-l-14-224': clip } = vision.width;
  const { width, layers } = clip;
  const positions = Math.floor(clip.image_size / clip.patch_size) ** 2;
  const embeddings = 'model.vision_model.embeddings';
  return declaration(
    images,
    sam,
    [
      copied(`${embeddings}.class_embedding`, 'v.class_embd', [width]),
      // SAM's patches come in place of its own.
      copied(
        `${embeddings}.patch_embedding.weight`,
        'v.patch_embd.weight',
        [width, 3, clip.patch_size, clip.patch_size],
        {
          type: 'F32',
          optional: true,
        },
      ),
      copied(`${embeddings}.position_embedding.weight`, 'v.position_embd.weight', [positions + 1, width]),
      ...withBias('model.vision_model.pre_layrnorm', 'v.pre_ln', width),
      ...Array.from({ length: layers }, (_, layer) => clipLayer(layer, width)).flat(),
      copied('model.image_newline', 'v.image_newline', [textWidth]),
      ...projectorTensors(textWidth, width + sam.downsample_channels[1]),
    ],
    {
      projectionDim: textWidth,
      imageSize: clip.image_size,
      patchSize: clip.patch_size,
      embeddingLength: width,
      feedForwardLength: clip.heads * 4, // as convert_hf_to_gguf.py writes it; llama.cpp goes by the tensors
      blockCount: layers,
      headCount: clip.heads,
      imageMean: images.image_mean,
      imageStd: images.image_std,
    },
    (keyValues) => {
      keyValues
        .set('clip.projector_type', string('deepseekocr'))
        .set('clip.vision.attention.layer_norm_epsilon', float32(1e-6))
        .set('clip.use_gelu', bool(true));
      // For the same reason: how many of its patches a token would be, were an image 256 of them.
      const perToken = Math.floor(Math.sqrt(positions) / 16);
      if (perToken > 0 && perToken !== 4) keyValues.set('clip.vision.projector.scale_factor', uint32(perToken));
      writeSamParameters(keyValues, sam, 9);
    },
  );
};

const qwenSchema = z.looseObject({
  image_size: samSideSchema,
  window_size: windowSchema,
  patch_size: z.literal(patch, { error: `llama.cpp supports only patches of ${patch} pixels` }).default(patch),
  layers: blockCount.default(24),
  intermediate_size: size.default(4864),
  num_attention_heads: size.default(14),
  width: z.looseObject({ sam_vit_b: samSchema, 'qwen2-0-5b': z.looseObject({ dim: size }) }),
});
/** Groups of heads that share keys and values. No configuration states it. */
const headsKv = 2;

/** Declares the encoders of DeepSeek-OCR 2, SAM and behind it Qwen 2, and its projector. Throws `checkpoint_invalid`. */
export const declareVision2: Declare = async ({ folder, config }) => {
  const schema = qwenSchema.refine(
    ({ num_attention_heads: heads, width }) => heads % headsKv === 0 && width['qwen2-0-5b'].dim % (2 * heads) === 0,
    { path: ['num_attention_heads'], error: 'it must be even and divide the width' },
  );
  const vision = parseConfig(schema, config.vision_config ?? {}, 'config.json: vision_config');
  const { hidden_size: textWidth } = readDecoderConfig(widthSchema, config);
  const images = await readPreprocessor(folder, preprocessorSchema, imageProcessors.deepseekOcr);
  const { dim: width } = vision.width['qwen2-0-5b'];
  // config.json still has DeepSeek-OCR 1's second channel; what follows SAM here takes its own width.
  const { downsample_channels: channels, ...ofSam } = vision.width.sam_vit_b;
  const sam: SamConfig = { ...ofSam, downsample_channels: [channels[0], width] };
  const { layers, intermediate_size: inner, num_attention_heads: heads } = vision;
  const model = 'model.qwen2_model';
  return declaration(
    images,
    sam,
    [
      ...([768, 1024] as const).map((pixels) =>
        copied(`${model}.query_${pixels}.weight`, `v.resample_query_${pixels}.weight`, [
          (pixels / patch / 4) ** 2,
          width,
        ]),
      ),
      copied(`${model}.model.model.norm.weight`, 'v.post_ln.weight', [width]),
      ...Array.from({ length: layers }, (_, layer) =>
        qwenLayer(`${model}.model.model.layers.${layer}`, `v.blk.${layer}`, width, inner, (width / heads) * headsKv),
      ).flat(),
      ...projectorTensors(textWidth, width),
    ],
    {
      projectionDim: textWidth,
      imageSize: vision.image_size,
      patchSize: vision.patch_size,
      embeddingLength: width,
      feedForwardLength: inner,
      blockCount: layers,
      headCount: heads,
      imageMean: images.image_mean,
      imageStd: images.image_std,
    },
    (keyValues) => {
      keyValues
        .set('clip.projector_type', string('deepseekocr2'))
        .set('clip.vision.attention.layer_norm_epsilon', float32(1e-6))
        .set('clip.use_gelu', bool(true));
      writeSamParameters(keyValues, sam, 6);
      keyValues.set('clip.vision.attention.head_count_kv', uint32(headsKv));
    },
  );
};

type Images = z.output<typeof preprocessorSchema>;

function declaration(
  images: Images,
  sam: SamConfig,
  behindSam: readonly TensorRule[],
  parameters: VisionParameters,
  writeOwn: (keyValues: KeyValues) => void,
): GgufDeclaration {
  return {
    architecture: 'clip',
    canonicalName: (name) => name,
    ignored: [/\.position_ids$/],
    warnings: imageWarnings(images, imageProcessors.deepseekOcr),
    tensors: [...samTensors(sam), ...behindSam],
    writeParameters: (keyValues, fileType) => {
      writeVisionParameters(keyValues, parameters, fileType);
      writeOwn(keyValues);
    },
  };
}

function writeSamParameters(keyValues: KeyValues, sam: SamConfig, maxTiles: number): void {
  keyValues
    .set('clip.vision.window_size', uint32(window))
    .set('clip.vision.preproc_min_tiles', uint32(2))
    .set('clip.vision.preproc_max_tiles', uint32(maxTiles))
    .set('clip.vision.sam.block_count', uint32(sam.layers))
    .set('clip.vision.sam.embedding_length', uint32(sam.width))
    .set('clip.vision.sam.head_count', uint32(sam.heads));
}

/** SAM's encoder, its neck, and the two convolutions that make one of sixteen patches. */
function samTensors({ layers, width, heads, downsample_channels: [first, last] }: SamConfig): TensorRule[] {
  const [source, target] = ['model.sam_model', 'v.sam'];
  const patches = side / patch;
  const asF32 = { type: 'F32' } as const;
  const convolution = (from: string, to: string, shape: number[]): TensorRule =>
    copied(`${source}.${from}.weight`, `${target}.${to}.weight`, shape, asF32);
  return [
    copied(`${source}.pos_embed`, `${target}.pos_embd.weight`, [1, patches, patches, width], asF32),
    ...withBias(`${source}.patch_embed.proj`, `${target}.patch_embd`, width, 3, patch, patch),
    ...Array.from({ length: layers }, (_, layer) => {
      const [from, to] = [`${source}.blocks.${layer}`, `${target}.blk.${layer}`];
      const positions = 2 * (wholeLayers.includes(layer) ? patches : window) - 1;
      return [
        ...withBias(`${from}.norm1`, `${to}.pre_ln`, width),
        ...withBias(`${from}.norm2`, `${to}.post_ln`, width),
        ...withBias(`${from}.attn.qkv`, `${to}.attn.qkv`, 3 * width, width),
        ...withBias(`${from}.attn.proj`, `${to}.attn.out`, width, width),
        ...(['h', 'w'] as const).map((axis) =>
          copied(`${from}.attn.rel_pos_${axis}`, `${to}.attn.pos_${axis}.weight`, [positions, width / heads], asF32),
        ),
        ...withBias(`${from}.mlp.lin1`, `${to}.mlp.lin1`, 4 * width, width),
        ...withBias(`${from}.mlp.lin2`, `${to}.mlp.lin2`, width, 4 * width),
      ];
    }).flat(),
    convolution('neck.0', 'neck.0', [neckWidth, width, 1, 1]),
    ...withBias(`${source}.neck.1`, `${target}.neck.1`, neckWidth),
    convolution('neck.2', 'neck.2', [neckWidth, neckWidth, 3, 3]),
    ...withBias(`${source}.neck.3`, `${target}.neck.3`, neckWidth),
    convolution('net_2', 'net_2', [first, neckWidth, 3, 3]),
    convolution('net_3', 'net_3', [last, first, 3, 3]),
  ];
}

function clipLayer(layer: number, width: number): TensorRule[] {
  const [source, target] = [`model.vision_model.transformer.layers.${layer}`, `v.blk.${layer}`];
  return [
    ...withBias(`${source}.layer_norm1`, `${target}.ln1`, width),
    ...withBias(`${source}.layer_norm2`, `${target}.ln2`, width),
    ...withBias(`${source}.self_attn.qkv_proj`, `${target}.attn_qkv`, 3 * width, width),
    ...withBias(`${source}.self_attn.out_proj`, `${target}.attn_out`, width, width),
    ...withBias(`${source}.mlp.fc1`, `${target}.ffn_up`, 4 * width, width),
    ...withBias(`${source}.mlp.fc2`, `${target}.ffn_down`, width, 4 * width),
  ];
}

function qwenLayer(source: string, target: string, width: number, inner: number, widthKv: number): TensorRule[] {
  const attention = (name: string): string => `${source}.self_attn.${name}_proj`;
  return [
    copied(`${source}.input_layernorm.weight`, `${target}.ln1.weight`, [width]),
    copied(`${source}.post_attention_layernorm.weight`, `${target}.ln2.weight`, [width]),
    ...withBias(attention('q'), `${target}.attn_q`, width, width),
    ...withBias(attention('k'), `${target}.attn_k`, widthKv, width),
    ...withBias(attention('v'), `${target}.attn_v`, widthKv, width),
    copied(`${attention('o')}.weight`, `${target}.attn_out.weight`, [width, width]),
    copied(`${source}.mlp.gate_proj.weight`, `${target}.ffn_gate.weight`, [inner, width]),
    copied(`${source}.mlp.up_proj.weight`, `${target}.ffn_up.weight`, [inner, width]),
    copied(`${source}.mlp.down_proj.weight`, `${target}.ffn_down.weight`, [width, inner]),
  ];
}

function projectorTensors(textWidth: number, width: number): TensorRule[] {
  return [
    {
      sources: [{ name: 'model.view_seperator', shape: [textWidth] }],
      targets: [{ name: 'v.view_seperator', shape: [1, textWidth] }],
    },
    ...withBias('model.projector.layers', 'mm.model.fc', textWidth, width),
  ];
}
