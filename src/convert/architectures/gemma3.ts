import { z } from 'zod';
import { blockCount, parseConfig, size, uint32 as uint32Schema, vocabularySize } from '../checkpoint/parse-config.ts';
import { isJsonObject } from '../checkpoint/checkpoint-folder.ts';
import type { JsonObject } from '../checkpoint/checkpoint-folder.ts';
import { bool, float32, string, uint32 } from '../gguf/key-values.ts';
import { writeSentencePieceTokenizer } from '../tokenizers/sentencepiece-tokenizer.ts';
import type { Checkpoint, GgufDeclaration, TensorRule } from './architecture.ts';
import { imageWarnings, tileCount, writeImageSettings } from './image-settings.ts';
import { siglipIgnored, siglipSchema, siglipTensors } from './siglip.ts';
import { copied } from './tensor-rules.ts';
import { ropeSchema, writeTextParameters } from './text-parameters.ts';
import { preprocessorSchema, readPreprocessor, towerParameters, writeVisionParameters } from './vision-parameters.ts';
import type { KeyValues } from '../gguf/key-values.ts';
import { imageProcessors } from './image-processors.ts';

/** The defaults are those of transformers' Gemma3TextConfig, which the configurations on the Hub leave out. */
const textSchema = z.looseObject({
  vocab_size: vocabularySize.default(262_208),
  hidden_size: size.default(2304),
  intermediate_size: size.default(9216),
  num_hidden_layers: blockCount.default(26),
  num_attention_heads: size.default(8),
  num_key_value_heads: size.default(4),
  head_dim: size.default(256),
  max_position_embeddings: size.default(131_072),
  rms_norm_eps: z.number().default(1e-6),
  rope_theta: z.number().positive().default(1_000_000),
  rope_local_base_freq: z.number().positive().default(10_000),
  rope_scaling: ropeSchema.nullish(),
  rope_parameters: z
    .union([z.looseObject({ full_attention: ropeSchema, sliding_attention: ropeSchema }), ropeSchema])
    .nullish(),
  sliding_window: uint32Schema.default(4096),
  sliding_window_pattern: z.int().nullish(),
  use_bidirectional_attention: z.boolean().nullish(),
  final_logit_softcapping: z.number().nullish(),
  attn_logit_softcapping: z.null({ error: 'Gemma 3 has no soft-capped attention' }).optional(),
});

type TextConfig = z.output<typeof textSchema>;

function readTextConfig(config: JsonObject): TextConfig {
  const { text_config: textConfig } = config;
  if (!isJsonObject(textConfig)) return parseConfig(textSchema, config, 'config.json');
  return parseConfig(textSchema, textConfig, 'config.json: text_config');
}

/** Declares `model.gguf` of a Gemma 3 model, with or without vision. Throws `checkpoint_invalid`. */
export async function declareText({ folder, config: modelConfig }: Checkpoint): Promise<GgufDeclaration> {
  const config = readTextConfig(modelConfig);
  return {
    architecture: 'gemma3',
    tensors: textTensors(config),
    canonicalName: (name) => name.replace('language_model.', ''),
    ignored: [/\.rotary_emb\.inv_freq$/],
    writeParameters: (keyValues, fileType) => {
      const { rope, ropeThetaSliding } = ropesOf(config);
      const parameters = {
        blockCount: config.num_hidden_layers,
        contextLength: config.max_position_embeddings,
        embeddingLength: config.hidden_size,
        feedForwardLength: config.intermediate_size,
        headCount: config.num_attention_heads,
        headCountKv: config.num_key_value_heads,
        rope,
        ropeThetaSliding,
        rmsNormEps: config.rms_norm_eps,
        headDim: config.head_dim,
      };
      writeTextParameters(keyValues, 'gemma3', parameters, fileType);
      const softcap = config.final_logit_softcapping;
      keyValues.set('gemma3.final_logit_softcapping', softcap ? float32(softcap) : undefined);
      if (config.sliding_window_pattern !== 1) {
        keyValues.set('gemma3.attention.sliding_window', uint32(slidingWindowOf(config)));
      }
    },
    writeTokenizer: async (keyValues) => {
      await writeSentencePieceTokenizer(folder, keyValues, config.vocab_size);
      keyValues.set('tokenizer.ggml.add_space_prefix', bool(false));
    },
  };
}

/** transformers counts one half of a bidirectional window. */
function slidingWindowOf({ sliding_window: window, use_bidirectional_attention: bothWays }: TextConfig): number {
  return bothWays === true ? Math.floor(window / 2) + 1 : window;
}

type RopeSettings = Pick<TextConfig, 'rope_theta' | 'rope_local_base_freq' | 'rope_scaling' | 'rope_parameters'>;

/** The rotary embeddings of global and of local layers: one object each since transformers 5, flat settings before. */
export function ropesOf(
  config: RopeSettings,
): Pick<Parameters<typeof writeTextParameters>[2], 'rope' | 'ropeThetaSliding'> {
  const { rope_parameters: perKind } = config;
  if (perKind && isJsonObject(perKind.full_attention)) {
    const full = parseConfig(ropeSchema, perKind.full_attention, 'config.json: rope_parameters.full_attention');
    const sliding = parseConfig(
      ropeSchema,
      perKind.sliding_attention,
      'config.json: rope_parameters.sliding_attention',
    );
    return {
      rope: { rope_theta: config.rope_theta, ...full },
      ropeThetaSliding: sliding.rope_theta ?? config.rope_local_base_freq,
    };
  }
  const rope = parseConfig(ropeSchema, perKind ?? config.rope_scaling ?? {}, 'config.json: rope_parameters');
  return { rope: { rope_theta: config.rope_theta, ...rope }, ropeThetaSliding: config.rope_local_base_freq };
}

/** Gemma 3's RMS norms multiply by one plus the weight; llama.cpp's by the weight. */
function norm(source: string, target: string, width: number): TensorRule {
  return copied(`${source}.weight`, `${target}.weight`, [width], { addend: 1 });
}

function matrix(source: string, target: string, ...shape: number[]): TensorRule {
  return copied(`${source}.weight`, `${target}.weight`, shape);
}

function textTensors(config: TextConfig): TensorRule[] {
  const { vocab_size: vocabulary, hidden_size: width, intermediate_size: inner, head_dim: headDim } = config;
  const queries = config.num_attention_heads * headDim;
  const keys = config.num_key_value_heads * headDim;
  const blocks = Array.from({ length: config.num_hidden_layers }, (_, block): TensorRule[] => {
    const [source, target] = [`model.layers.${block}`, `blk.${block}`];
    return [
      norm(`${source}.input_layernorm`, `${target}.attn_norm`, width),
      matrix(`${source}.mlp.down_proj`, `${target}.ffn_down`, width, inner),
      matrix(`${source}.mlp.gate_proj`, `${target}.ffn_gate`, inner, width),
      matrix(`${source}.mlp.up_proj`, `${target}.ffn_up`, inner, width),
      norm(`${source}.post_attention_layernorm`, `${target}.post_attention_norm`, width),
      norm(`${source}.post_feedforward_layernorm`, `${target}.post_ffw_norm`, width),
      norm(`${source}.pre_feedforward_layernorm`, `${target}.ffn_norm`, width),
      norm(`${source}.self_attn.k_norm`, `${target}.attn_k_norm`, headDim),
      matrix(`${source}.self_attn.k_proj`, `${target}.attn_k`, keys, width),
      matrix(`${source}.self_attn.o_proj`, `${target}.attn_output`, width, queries),
      norm(`${source}.self_attn.q_norm`, `${target}.attn_q_norm`, headDim),
      matrix(`${source}.self_attn.q_proj`, `${target}.attn_q`, queries, width),
      matrix(`${source}.self_attn.v_proj`, `${target}.attn_v`, keys, width),
    ];
  });
  return [
    copied('model.embed_tokens.weight', 'token_embd.weight', [vocabulary, width], { cutRows: true }),
    norm('model.norm', 'output_norm', width),
    copied('lm_head.weight', 'output.weight', [vocabulary, width], { optional: true }),
    ...blocks.flat(),
  ];
}

/** The number of image tokens is a setting of the processor; the real models have 256, pooled 4 × 4. */
const gemma3PreprocessorSchema = preprocessorSchema.extend({
  image_seq_length: size.default(256),
  do_pan_and_scan: z.boolean().nullish(),
  pan_and_scan_max_num_crops: tileCount.nullish(),
  pan_and_scan_min_crop_size: size.max(65_536).nullish(),
  pan_and_scan_min_ratio_to_activate: z.number().positive().nullish(),
});
const defaultScaleFactor = 4;

/** Oblong images are cropped, too. The defaults are those of Gemma3Processor. */
function writePanAndScan(keyValues: KeyValues, images: z.output<typeof gemma3PreprocessorSchema>): void {
  keyValues
    .set('vserve.image.pan_and_scan_max_crops', uint32(images.pan_and_scan_max_num_crops ?? 4))
    .set('vserve.image.pan_and_scan_min_crop_size', uint32(images.pan_and_scan_min_crop_size ?? 256))
    .set('vserve.image.pan_and_scan_min_ratio', float32(images.pan_and_scan_min_ratio_to_activate ?? 1.2));
}

/** Declares `mmproj.gguf`: SigLIP's tower and the projector. Throws `checkpoint_invalid`. */
export async function declareVision({ folder, config }: Checkpoint): Promise<GgufDeclaration> {
  const vision = parseConfig(siglipSchema, config.vision_config ?? {}, 'config.json: vision_config');
  const { hidden_size: textWidth } = readTextConfig(config);
  const images = await readPreprocessor(folder, gemma3PreprocessorSchema, imageProcessors.gemma3);
  const { hidden_size: width } = vision;
  const projector = [
    copied('multi_modal_projector.mm_input_projection.weight', 'mm.input_projection.weight', [width, textWidth], {
      type: 'F16',
    }),
    norm('multi_modal_projector.mm_soft_emb_norm', 'mm.soft_emb_norm', width),
  ];
  return {
    architecture: 'clip',
    // Single precision for all embeddings of the tower: https://github.com/ggml-org/llama.cpp/issues/13025
    tensors: [...projector, ...siglipTensors(vision, { embeddings: 'F32' })],
    canonicalName: (name) => name.replace(/^(?:model\.)?(?:vision_tower\.)?/, '').replace('_weight', '.weight'),
    ignored: siglipIgnored,
    warnings: imageWarnings(images, imageProcessors.gemma3, { size: vision.image_size }),
    writeParameters: (keyValues, fileType) => {
      writeVisionParameters(keyValues, towerParameters(vision, textWidth, images), fileType);
      keyValues
        .set('clip.projector_type', string('gemma3'))
        .set('clip.vision.attention.layer_norm_epsilon', float32(vision.layer_norm_eps))
        .set('clip.use_gelu', bool(true));
      const patchesPerSide = Math.floor(vision.image_size / vision.patch_size);
      const tokensPerSide = Math.floor(Math.sqrt(images.image_seq_length));
      const scaleFactor = Math.floor(patchesPerSide / tokensPerSide);
      if (scaleFactor > 0 && scaleFactor !== defaultScaleFactor) {
        keyValues.set('clip.vision.projector.scale_factor', uint32(scaleFactor));
      }
      writeImageSettings(keyValues, images, imageProcessors.gemma3);
      if (images.do_pan_and_scan === true) writePanAndScan(keyValues, images);
    },
  };
}
