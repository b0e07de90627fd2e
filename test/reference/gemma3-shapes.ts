/** The sizes that decide a Gemma 3 checkpoint's tensors. */
export interface TextSizes {
  readonly vocabulary: number;
  readonly width: number;
  readonly inner: number;
  readonly layers: number;
  readonly heads: number;
  readonly headsKv: number;
  readonly headDim: number;
}

export interface VisionSizes {
  readonly width: number;
  readonly inner: number;
  readonly layers: number;
  readonly patchSize: number;
  readonly patches: number;
}

export type Shapes = ReadonlyMap<string, readonly number[]>;

/** The tensors of Gemma3ForCausalLM under transformers' names, each after `prefix`. */
export function textShapes(sizes: TextSizes, prefix: string): Shapes {
  const { vocabulary, width, inner, heads, headsKv, headDim } = sizes;
  const layers = Array.from({ length: sizes.layers }, (_, layer): [string, number[]][] => [
    [`layers.${layer}.input_layernorm`, [width]],
    [`layers.${layer}.mlp.down_proj`, [width, inner]],
    [`layers.${layer}.mlp.gate_proj`, [inner, width]],
    [`layers.${layer}.mlp.up_proj`, [inner, width]],
    [`layers.${layer}.post_attention_layernorm`, [width]],
    [`layers.${layer}.post_feedforward_layernorm`, [width]],
    [`layers.${layer}.pre_feedforward_layernorm`, [width]],
    [`layers.${layer}.self_attn.k_norm`, [headDim]],
    [`layers.${layer}.self_attn.k_proj`, [headsKv * headDim, width]],
    [`layers.${layer}.self_attn.o_proj`, [width, heads * headDim]],
    [`layers.${layer}.self_attn.q_norm`, [headDim]],
    [`layers.${layer}.self_attn.q_proj`, [heads * headDim, width]],
    [`layers.${layer}.self_attn.v_proj`, [headsKv * headDim, width]],
  ]);
  const all: [string, number[]][] = [['embed_tokens', [vocabulary, width]], ['norm', [width]], ...layers.flat()];
  return new Map(all.map(([name, shape]) => [`${prefix}model.${name}.weight`, shape]));
}

/** The tensors of the vision tower and the projector of Gemma3ForConditionalGeneration. */
export function visionShapes({ width, inner, layers, patchSize, patches }: VisionSizes, textWidth: number): Shapes {
  const tower: [string, number[]][] = [
    ['embeddings.patch_embedding', [width, 3, patchSize, patchSize]],
    ['post_layernorm', [width]],
    ...Array.from({ length: layers }, (_, layer): [string, number[]][] => [
      [`encoder.layers.${layer}.layer_norm1`, [width]],
      [`encoder.layers.${layer}.layer_norm2`, [width]],
      [`encoder.layers.${layer}.mlp.fc1`, [inner, width]],
      [`encoder.layers.${layer}.mlp.fc2`, [width, inner]],
      ...['k', 'out', 'q', 'v'].map((name): [string, number[]] => [
        `encoder.layers.${layer}.self_attn.${name}_proj`,
        [width, width],
      ]),
    ]).flat(),
  ];
  return new Map<string, readonly number[]>([
    ['multi_modal_projector.mm_input_projection_weight', [width, textWidth]],
    ['multi_modal_projector.mm_soft_emb_norm.weight', [width]],
    ['vision_tower.vision_model.embeddings.position_embedding.weight', [patches, width]],
    ...tower.flatMap(([name, shape]): [string, readonly number[]][] => [
      [`vision_tower.vision_model.${name}.weight`, shape],
      [`vision_tower.vision_model.${name}.bias`, shape.slice(0, 1)],
    ]),
  ]);
}
