import { z } from 'zod';
import { VserveError } from '../../errors/index.ts';
import { blockCount, parseConfig, size } from '../checkpoint/parse-config.ts';
import type { CheckpointFolder } from '../checkpoint/checkpoint-folder.ts';
import { bool, float32, string, uint32 } from '../gguf/key-values.ts';
import { addedTokensSchema, decoderSchema as addedTokensDecoderSchema } from '../tokenizers/tokenizer-json.ts';
import { readTekken, tekkenFile } from '../tokenizers/tekken-tokenizer.ts';
import { slice, viewOf } from '../tensor-view.ts';
import type { Declare, TensorRule } from './architecture.ts';
import { readDecoderConfig } from './decoder-config.ts';
import { decoderName, pairedRows } from './decoder-tensors.ts';
import { imageWarnings, writeImageSettings, writeUnlessUsual } from './image-settings.ts';
import { copied } from './tensor-rules.ts';
import { preprocessorSchema, readPreprocessor, towerParameters, writeVisionParameters } from './vision-parameters.ts';
import { imageProcessors } from './image-processors.ts';

/** The defaults are those of transformers' PixtralVisionConfig. */
const visionSchema = z.looseObject({
  model_type: z.literal('pixtral', { error: 'only the vision encoder of Pixtral can be converted' }),
  hidden_size: size.default(1024),
  intermediate_size: size.default(4096),
  num_hidden_layers: blockCount.default(24),
  num_attention_heads: size.default(16),
  image_size: size.default(1024),
  patch_size: size.default(16),
  hidden_act: z.enum(['gelu', 'silu']).default('gelu'),
  layer_norm_eps: z.number().default(1e-5),
});

const topSchema = z.looseObject({
  model_type: z.string().optional(),
  multimodal_projector_bias: z.boolean().optional(),
  spatial_merge_size: size.optional(),
});
const textSchema = z.looseObject({ hidden_size: size.default(4096), vocab_size: size.default(32_000) });

/** transformers' PixtralImageProcessor. */
const usualEdge = 1024;
const edge = size.max(65_536).nullish();
const imageSchema = preprocessorSchema.extend({
  size: z.looseObject({ longest_edge: edge, height: edge }).nullish(),
});

/** Declares Pixtral's vision encoder and the projectors of Pixtral and Mistral 3. Throws `checkpoint_invalid`. */
export const declareVision: Declare = async ({ folder, config }) => {
  const vision = parseConfig(visionSchema, config.vision_config ?? {}, 'config.json: vision_config');
  const top = parseConfig(topSchema, config, 'config.json');
  const isMistral3 = top.model_type === 'mistral3';
  const mergeSize = top.spatial_merge_size ?? (isMistral3 ? 2 : undefined);
  const { hidden_size: textWidth, vocab_size: vocabulary } = readDecoderConfig(textSchema, config);
  const images = await readPreprocessor(folder, imageSchema, imageProcessors.pixtral);
  const breakToken = await imageBreakToken(folder, vocabulary);
  const { hidden_size: width, intermediate_size: inner, num_attention_heads: heads, patch_size: patch } = vision;
  const projector = (index: number, columns: number): TensorRule[] => {
    const source = `multi_modal_projector.linear_${index}`;
    return [
      copied(`${source}.weight`, `mm.${index}.weight`, [textWidth, columns]),
      copied(`${source}.bias`, `mm.${index}.bias`, [textWidth], { optional: true }),
    ];
  };
  const merger = 'multi_modal_projector.patch_merger.merging_layer.weight';
  const embedding = [vocabulary, textWidth];
  return {
    architecture: 'clip',
    canonicalName: (name) => decoderName(name).replace(/^model\.(?=vision_tower|multi_modal)/, ''),
    ignored: [],
    warnings: imageWarnings(images, imageProcessors.pixtral, {
      do_center_crop: false,
      patch_size: vision.patch_size,
      spatial_merge_size: mergeSize ?? 1,
    }),
    tensors: [
      {
        // The encoder ends each row of patches with this token.
        sources: [{ name: 'model.embed_tokens.weight', shape: embedding }],
        targets: [
          {
            name: 'v.token_embd.img_break',
            shape: [textWidth],
            pieces: [{ source: 0, view: slice(viewOf(...embedding), 0, breakToken, 1) }],
          },
        ],
      },
      ...projector(1, width),
      ...projector(2, textWidth),
      ...(isMistral3
        ? [
            copied('multi_modal_projector.norm.weight', 'mm.input_norm.weight', [width]),
            copied(merger, 'mm.patch_merger.weight', [width, width * (mergeSize ?? 1) ** 2]),
          ]
        : []),
      copied('vision_tower.ln_pre.weight', 'v.pre_ln.weight', [width]),
      copied('vision_tower.patch_conv.weight', 'v.patch_embd.weight', [width, 3, patch, patch]),
      ...Array.from({ length: vision.num_hidden_layers }, (_, layer) =>
        layerTensors(`vision_tower.transformer.layers.${layer}`, `v.blk.${layer}`, width, inner, heads),
      ).flat(),
    ],
    writeParameters: (keyValues, fileType) => {
      writeVisionParameters(keyValues, towerParameters(vision, textWidth, images), fileType);
      keyValues
        .set('clip.projector_type', string('pixtral'))
        .set('clip.vision.attention.layer_norm_epsilon', float32(vision.layer_norm_eps))
        .set(`clip.use_${vision.hidden_act}`, bool(true));
      const longestEdge = images.size?.longest_edge ?? images.size?.height ?? usualEdge;
      writeUnlessUsual(keyValues, 'clip.vision.preproc_image_size', longestEdge, vision.image_size);
      writeImageSettings(keyValues, images, imageProcessors.pixtral);
      if (mergeSize !== undefined) keyValues.set('clip.vision.spatial_merge_size', uint32(mergeSize));
    },
  };
};

function layerTensors(source: string, target: string, width: number, inner: number, heads: number): TensorRule[] {
  const rotated = (name: 'q' | 'k'): TensorRule => ({
    sources: [{ name: `${source}.attention.${name}_proj.weight`, shape: [width, width] }],
    targets: [
      {
        name: `${target}.attn_${name}.weight`,
        shape: [width, width],
        pieces: [{ source: 0, view: pairedRows(heads, width / heads, width) }],
      },
    ],
  });
  return [
    rotated('q'),
    rotated('k'),
    copied(`${source}.attention.v_proj.weight`, `${target}.attn_v.weight`, [width, width]),
    copied(`${source}.attention.o_proj.weight`, `${target}.attn_out.weight`, [width, width]),
    copied(`${source}.attention_norm.weight`, `${target}.ln1.weight`, [width]),
    copied(`${source}.ffn_norm.weight`, `${target}.ln2.weight`, [width]),
    copied(`${source}.feed_forward.gate_proj.weight`, `${target}.ffn_gate.weight`, [inner, width]),
    copied(`${source}.feed_forward.up_proj.weight`, `${target}.ffn_up.weight`, [inner, width]),
    copied(`${source}.feed_forward.down_proj.weight`, `${target}.ffn_down.weight`, [width, inner]),
  ];
}

async function imageBreakToken(folder: CheckpointFolder, vocabulary: number): Promise<number> {
  const breakToken = '[IMG_BREAK]';
  const config = (await folder.optionalJson('tokenizer_config.json')) ?? {};
  const { added_tokens_decoder: decoder } = parseConfig(addedTokensDecoderSchema, config, 'tokenizer_config.json');
  const [inConfig] = Object.entries(decoder).find(([, { content }]) => content === breakToken) ?? [];
  const tokenizer = (await folder.optionalJson('tokenizer.json')) ?? {};
  const { added_tokens: added } = parseConfig(addedTokensSchema, tokenizer, 'tokenizer.json');
  const inTokenizer = added.find(({ content }) => content === breakToken)?.id;
  const hasTekken = !(await folder.has('tokenizer.json')) && (await folder.has(tekkenFile));
  const inTekken = hasTekken ? (await readTekken(folder)).specialTokens.indexOf(breakToken) : -1;
  const id = inConfig === undefined ? (inTokenizer ?? (inTekken < 0 ? undefined : inTekken)) : Number(inConfig);
  if (id !== undefined && id < vocabulary) return id;
  throw new VserveError(
    'checkpoint_invalid',
    `None of tokenizer_config.json, tokenizer.json and ${tekkenFile} has the token ${breakToken}, which the vision encoder needs. Download them again.`,
  );
}
