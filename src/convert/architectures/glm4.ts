import { z } from 'zod';
import { blockCount, parseConfig, size } from '../checkpoint/parse-config.ts';
import { bool, float32, string, uint32 } from '../gguf/key-values.ts';
import { permute, slice, viewOf } from '../tensor-view.ts';
import { writeBpeTokenizer } from '../tokenizers/bpe-tokenizer.ts';
import type { Declare, TensorPiece, TensorRule } from './architecture.ts';
import { decoderParameters, decoderSchema, headDimOf, headsKvOf, readDecoderConfig, ropeOf } from './decoder-config.ts';
import type { DecoderConfig } from './decoder-config.ts';
import { decoderIgnored, decoderName, embeddingTensors, everyLayer } from './decoder-tensors.ts';
import { areaOf, areaSchema, imageWarnings, writeArea, writeImageSettings } from './image-settings.ts';
import type { Area } from './image-settings.ts';
import { copied, withBias } from './tensor-rules.ts';
import { writeTextParameters } from './text-parameters.ts';
import { readPreprocessor, towerParameters, writeVisionParameters } from './vision-parameters.ts';
import { framePatches } from './vision-tensors.ts';
import { imageProcessors } from './image-processors.ts';

/** transformers' Glm4Config and Glm4vTextConfig. */
const textSchema = decoderSchema({
  vocab_size: 151_552,
  hidden_size: 4096,
  intermediate_size: 13_696,
  num_hidden_layers: 40,
  num_attention_heads: 32,
  num_key_value_heads: 2,
  head_dim: null,
  max_position_embeddings: 32_768,
  rms_norm_eps: 1e-5,
  rope_theta: 10_000,
}).extend({ partial_rotary_factor: z.number().positive().default(0.5), attention_bias: z.boolean().optional() });

/** Declares GLM 4 and the text model of GLM-4.1V. Throws `checkpoint_invalid`. */
export const declareText: Declare = async ({ folder, config: modelConfig }) => {
  const config = readDecoderConfig(textSchema, modelConfig);
  const rope = ropeOf(config);
  const rotaryDim = Math.trunc(headDimOf(config) * (rope.partial_rotary_factor ?? config.partial_rotary_factor));
  // llama.cpp turns the halves of a head, not neighbours, where positions have several dimensions.
  const rotation = rope.mrope_section ? rotaryDim : undefined;
  return {
    architecture: 'glm4',
    canonicalName: decoderName,
    ignored: decoderIgnored,
    tensors: [
      ...embeddingTensors(config),
      ...everyLayer(config, (_, source, target) => layerTensors(config, source, target, rotation)),
    ],
    writeParameters: (keyValues, fileType) => {
      writeTextParameters(keyValues, 'glm4', { ...decoderParameters(config), rope }, fileType);
      keyValues.set('glm4.rope.dimension_count', uint32(rotaryDim));
    },
    writeTokenizer: (keyValues) =>
      writeBpeTokenizer(folder, keyValues, config.vocab_size, {
        substitutes: { eos: '<|endoftext|>', eot: '<|user|>', unk: '<|endoftext|>', bos: '<|endoftext|>' },
      }),
  };
};

function layerTensors(
  config: DecoderConfig,
  source: string,
  target: string,
  rotation: number | undefined,
): TensorRule[] {
  const { hidden_size: width, intermediate_size: inner, num_attention_heads: heads } = config;
  const [headDim, headsKv] = [headDimOf(config), headsKvOf(config)];
  const norm = (from: string, to: string): TensorRule =>
    copied(`${source}.${from}.weight`, `${target}.${to}.weight`, [width]);
  const projection = (name: 'q' | 'k' | 'v', count: number): TensorRule[] => {
    const rule = (part: 'weight' | 'bias', shape: number[]): TensorRule => ({
      sources: [{ name: `${source}.self_attn.${name}_proj.${part}`, shape }],
      targets: [
        {
          name: `${target}.attn_${name}.${part}`,
          shape,
          ...(rotation !== undefined &&
            name !== 'v' && { pieces: halvedHeads(count, headDim, rotation, shape[1] ?? 1) }),
        },
      ],
      ...(part === 'bias' && { optional: true }),
    });
    return [rule('weight', [count * headDim, width]), rule('bias', [count * headDim])];
  };
  return [
    norm('input_layernorm', 'attn_norm'),
    norm('post_self_attn_layernorm', 'post_attention_norm'),
    norm('post_attention_layernorm', 'ffn_norm'),
    norm('post_mlp_layernorm', 'post_ffw_norm'),
    ...projection('q', heads),
    ...projection('k', headsKv),
    ...projection('v', headsKv),
    copied(`${source}.self_attn.o_proj.weight`, `${target}.attn_output.weight`, [width, heads * headDim]),
    copied(`${source}.mlp.gate_up_proj.weight`, `${target}.ffn_up.weight`, [2 * inner, width]),
    copied(`${source}.mlp.down_proj.weight`, `${target}.ffn_down.weight`, [width, inner]),
  ];
}

/** Of each head's rotary part the rows 0, 2, 4, … and then 1, 3, 5, …; the rest of the head as it is. */
function halvedHeads(heads: number, headDim: number, rotaryDim: number, columns: number): TensorPiece[] {
  const whole = viewOf(heads * headDim, columns);
  return Array.from({ length: heads }, (_, head): TensorPiece[] => {
    const rows = viewOf(rotaryDim / 2, 2, columns);
    const rotary = { ...permute(rows, 1, 0, 2), offset: head * headDim * columns };
    const rest = slice(whole, 0, head * headDim + rotaryDim, headDim - rotaryDim);
    return rotaryDim === headDim
      ? [{ source: 0, view: rotary }]
      : [
          { source: 0, view: rotary },
          { source: 0, view: rest },
        ];
  }).flat();
}

/** The defaults are those of transformers' Glm4vVisionConfig. */
const visionSchema = z.looseObject({
  depth: blockCount.default(24),
  hidden_size: size.default(1536),
  hidden_act: z.enum(['gelu', 'silu']).default('silu'),
  num_heads: size.default(12),
  image_size: size.default(336),
  patch_size: size.default(14),
  rms_norm_eps: z.number().default(1e-5),
  spatial_merge_size: size.default(2),
  out_hidden_size: size.default(4096),
  intermediate_size: size.default(13_696),
});
const widthSchema = z.looseObject({ hidden_size: size.default(4096) });

/** The bounds of transformers' Glm4vImageProcessor, and those that the models have on the Hub. */
const processorArea: Area = { min: 112 * 112, max: 28 * 28 * 15_000 };
const usualArea: Area = { min: 112 * 112, max: 28 * 28 * 2 * 6144 };

/** The processor counts the pixels of two frames, and an image is two equal ones. */
function ofOneFrame({ min, max }: Area): Area {
  return { min: Math.ceil(min / 2), max: Math.floor(max / 2) };
}

/** The weight of one of the encoder's layers. */
function matrix(source: string, target: string, ...shape: number[]): TensorRule {
  return copied(`visual.${source}.weight`, `${target}.weight`, shape);
}

/** Declares the vision encoder and merger of GLM-4.1V. Throws `checkpoint_invalid`. */
export const declareVision: Declare = async ({ folder, config }) => {
  const vision = parseConfig(visionSchema, config.vision_config ?? {}, 'config.json: vision_config');
  const { hidden_size: textWidth } = readDecoderConfig(widthSchema, config);
  const images = await readPreprocessor(folder, areaSchema, imageProcessors.qwenVl);
  const area = ofOneFrame(areaOf(images, processorArea));
  const { hidden_size: width, out_hidden_size: merged, intermediate_size: inner, patch_size: patch } = vision;
  return {
    architecture: 'clip',
    canonicalName: (name) => name.replace(/^model\.visual\./, 'visual.'),
    ignored: [],
    warnings: imageWarnings(images, imageProcessors.qwenVl, {
      patch_size: vision.patch_size,
      merge_size: vision.spatial_merge_size,
    }),
    tensors: [
      framePatches('visual.patch_embed.proj', width, patch),
      copied('visual.patch_embed.proj.bias', 'v.patch_embd.bias', [width]),
      matrix('embeddings.position_embedding', 'v.position_embd', Math.floor(vision.image_size / patch) ** 2, width),
      matrix('post_conv_layernorm', 'v.norm_embd', width),
      matrix('post_layernorm', 'v.post_ln', width),
      ...Array.from({ length: vision.depth }, (_, layer) => {
        const [source, target] = [`blocks.${layer}`, `v.blk.${layer}`];
        return [
          matrix(`${source}.attn.qkv`, `${target}.attn_qkv`, 3 * width, width),
          matrix(`${source}.attn.proj`, `${target}.attn_out`, width, width),
          matrix(`${source}.norm1`, `${target}.ln1`, width),
          matrix(`${source}.norm2`, `${target}.ln2`, width),
          matrix(`${source}.mlp.gate_proj`, `${target}.ffn_gate`, merged, width),
          matrix(`${source}.mlp.up_proj`, `${target}.ffn_up`, merged, width),
          matrix(`${source}.mlp.down_proj`, `${target}.ffn_down`, width, merged),
        ];
      }).flat(),
      ...withBias(
        'visual.downsample',
        'mm.patch_merger',
        merged,
        width,
        vision.spatial_merge_size,
        vision.spatial_merge_size,
      ),
      matrix('merger.proj', 'mm.model.fc', merged, merged),
      ...withBias('visual.merger.post_projection_norm', 'mm.post_norm', merged),
      matrix('merger.gate_proj', 'mm.gate', inner, merged),
      matrix('merger.up_proj', 'mm.up', inner, merged),
      matrix('merger.down_proj', 'mm.down', merged, inner),
    ],
    writeParameters: (keyValues, fileType) => {
      const tower = {
        ...vision,
        num_hidden_layers: vision.depth,
        num_attention_heads: vision.num_heads,
      };
      writeVisionParameters(keyValues, towerParameters(tower, textWidth, images), fileType);
      keyValues
        .set('clip.projector_type', string('glm4v'))
        .set(`clip.use_${vision.hidden_act}`, bool(true))
        .set('clip.vision.attention.layer_norm_epsilon', float32(vision.rms_norm_eps));
      writeArea(keyValues, area, ofOneFrame(usualArea));
      writeImageSettings(keyValues, images, imageProcessors.qwenVl);
    },
  };
};
