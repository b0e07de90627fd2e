import { permute, slice, viewOf } from '../tensor-view.ts';
import type { TensorView } from '../tensor-view.ts';
import type { TargetTensor, TensorRule } from './architecture.ts';
import { headDimOf, headsKvOf } from './decoder-config.ts';
import type { DecoderConfig } from './decoder-config.ts';
import { copied } from './tensor-rules.ts';

/** A decoder's tensor name without the prefixes that writers add: `model.layers.0.…`. */
export function decoderName(name: string): string {
  return name.replace('language_model.', '');
}

/** Tensors of older checkpoints that follow from the configuration. */
export const decoderIgnored = [/\.rotary_emb\.inv_freq$/];

/** The embedding, the last norm and the output layer, which a model may share with the embedding. */
export function embeddingTensors({ vocab_size: vocabulary, hidden_size: width }: DecoderConfig): TensorRule[] {
  return [
    copied('model.embed_tokens.weight', 'token_embd.weight', [vocabulary, width]),
    copied('model.norm.weight', 'output_norm.weight', [width]),
    copied('lm_head.weight', 'output.weight', [vocabulary, width], { optional: true }),
  ];
}

/** The rules of every layer. `rules` gets its index and the name prefixes of its tensors in the checkpoint and in GGUF. */
export function everyLayer(
  { num_hidden_layers: layers }: Pick<DecoderConfig, 'num_hidden_layers'>,
  rules: (layer: number, source: string, target: string) => TensorRule[],
): TensorRule[] {
  return Array.from({ length: layers }, (_, layer) => rules(layer, `model.layers.${layer}`, `blk.${layer}`)).flat();
}

export interface AttentionTraits {
  /** Whether the projections of queries, keys and values have biases. */
  readonly bias: 'required' | 'optional';
  /** Whether each head's queries and keys are normed. */
  readonly norms: boolean;
  /** GGUF's name for the norm before the feed-forward network, if not `ffn_norm`. */
  readonly secondNorm?: string;
  /** The order in which llama.cpp wants the elements of a head, for the rotary embedding. */
  readonly rotary?: (heads: number, headDim: number, columns: number) => TensorView;
}

/** Attention with grouped keys and values, and the norms before it and before the feed-forward network. */
export function attentionTensors(
  config: DecoderConfig,
  source: string,
  target: string,
  { bias, norms, rotary, secondNorm = 'ffn_norm' }: AttentionTraits,
): TensorRule[] {
  const { hidden_size: width, num_attention_heads: heads } = config;
  const [headDim, headsKv] = [headDimOf(config), headsKvOf(config)];
  const projection = (name: 'q' | 'k' | 'v', count: number): TensorRule[] => {
    const rows = count * headDim;
    const view = name === 'v' ? undefined : rotary;
    const rule = (part: 'weight' | 'bias', shape: number[]): TensorRule => ({
      sources: [{ name: `${source}.self_attn.${name}_proj.${part}`, shape }],
      targets: [
        {
          name: `${target}.attn_${name}.${part}`,
          shape,
          ...(view && { pieces: [{ source: 0, view: view(count, headDim, shape[1] ?? 1) }] }),
        },
      ],
      ...(part === 'bias' && bias === 'optional' && { optional: true }),
    });
    return [rule('weight', [rows, width]), rule('bias', [rows])];
  };
  const norm = (name: 'q' | 'k'): TensorRule =>
    copied(`${source}.self_attn.${name}_norm.weight`, `${target}.attn_${name}_norm.weight`, [headDim]);
  return [
    copied(`${source}.input_layernorm.weight`, `${target}.attn_norm.weight`, [width]),
    copied(`${source}.post_attention_layernorm.weight`, `${target}.${secondNorm}.weight`, [width]),
    ...projection('q', heads),
    ...projection('k', headsKv),
    ...projection('v', headsKv),
    copied(`${source}.self_attn.o_proj.weight`, `${target}.attn_output.weight`, [width, heads * headDim]),
    copied(`${source}.self_attn.o_proj.bias`, `${target}.attn_output.bias`, [width], { optional: true }),
    ...(norms ? [norm('q'), norm('k')] : []),
  ];
}

/** A gated feed-forward network: `[inner, width]` twice and back. Its biases may be missing. */
export function feedForwardTensors(source: string, target: string, width: number, inner: number): TensorRule[] {
  return (
    [
      ['gate', [inner, width]],
      ['up', [inner, width]],
      ['down', [width, inner]],
    ] as const
  ).flatMap(([name, shape]) => [
    copied(`${source}.${name}_proj.weight`, `${target}_${name}.weight`, shape),
    copied(`${source}.${name}_proj.bias`, `${target}_${name}.bias`, shape.slice(0, 1), { optional: true }),
  ]);
}

/** The rows of each head turned from transformers' order, halves, to llama.cpp's of pairs. */
export function pairedRows(heads: number, headDim: number, columns: number): TensorView {
  return permute(viewOf(heads, 2, headDim / 2, columns), 0, 2, 1, 3);
}

/** Sizes of a mixture of experts. */
export interface ExpertSizes {
  readonly experts: number;
  readonly width: number;
  readonly inner: number;
}

const expertParts = ['down', 'gate', 'up'] as const;

function expertTarget(
  target: string,
  part: 'down' | 'gate' | 'up',
  { experts, width, inner }: ExpertSizes,
): TargetTensor {
  const [rows, columns] = part === 'down' ? [width, inner] : [inner, width];
  return { name: `${target}.ffn_${part}_exps.weight`, shape: [experts, rows, columns] };
}

/** Experts with tensors of their own, which GGUF stacks. `names` are those of the three parts in the checkpoint. */
export function stackedExperts(
  source: string,
  target: string,
  sizes: ExpertSizes,
  names: Readonly<Record<(typeof expertParts)[number], string>> = {
    down: 'down_proj',
    gate: 'gate_proj',
    up: 'up_proj',
  },
  order: readonly (typeof expertParts)[number][] = expertParts,
): TensorRule {
  const targets = order.map((part) => expertTarget(target, part, sizes));
  return {
    sources: targets.flatMap(({ shape }, i) =>
      Array.from({ length: sizes.experts }, (_, expert) => ({
        name: `${source}.${expert}.${names[order[i] ?? 'down']}.weight`,
        shape: shape.slice(1),
      })),
    ),
    targets: targets.map((tensor, i) => ({
      ...tensor,
      pieces: Array.from({ length: sizes.experts }, (_, expert) => ({ source: i * sizes.experts + expert })),
    })),
  };
}

/**
 * Experts that are stacked already, gates and ups in one tensor: either as `[experts, rows, columns]`, or, `transposed`,
 * as `[experts, columns, rows]`.
 */
export function packedExperts(source: string, target: string, sizes: ExpertSizes, transposed: boolean): TensorRule[] {
  const { experts, width, inner } = sizes;
  const [down, gate, up] = expertParts.map((part) => expertTarget(target, part, sizes));
  if (down === undefined || gate === undefined || up === undefined) return [];
  const oriented = (rows: number, columns: number): number[] => (transposed ? [columns, rows] : [rows, columns]);
  const turned = (view: TensorView): TensorView => (transposed ? permute(view, 0, 2, 1) : view);
  const [downShape, gateUpShape] = [
    [experts, ...oriented(width, inner)],
    [experts, ...oriented(2 * inner, width)],
  ];
  const half = (start: number): TensorView => turned(slice(viewOf(...gateUpShape), transposed ? 2 : 1, start, inner));
  return [
    {
      sources: [{ name: `${source}.down_proj`, shape: downShape }],
      targets: [{ ...down, pieces: [{ source: 0, view: turned(viewOf(...downShape)) }] }],
    },
    {
      sources: [{ name: `${source}.gate_up_proj`, shape: gateUpShape }],
      targets: [
        { ...gate, pieces: [{ source: 0, view: half(0) }] },
        { ...up, pieces: [{ source: 0, view: half(inner) }] },
      ],
    },
  ];
}

/** Shared experts: one network, `[inner, width]` twice and back. */
export function sharedExperts(source: string, target: string, width: number, inner: number): TensorRule[] {
  return [
    copied(`${source}.gate_proj.weight`, `${target}.ffn_gate_shexp.weight`, [inner, width]),
    copied(`${source}.up_proj.weight`, `${target}.ffn_up_shexp.weight`, [inner, width]),
    copied(`${source}.down_proj.weight`, `${target}.ffn_down_shexp.weight`, [width, inner]),
  ];
}
