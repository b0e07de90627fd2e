import { fitsBlocks } from '../gguf/type-sizes.ts';

/** The quantized mixtures of llama.cpp that vserve makes, and the type that most of their matrices get. */
const mixtures = { q8_0: 'Q8_0', q6_k: 'Q6_K', q5_k_m: 'Q5_K', q4_k_m: 'Q4_K', q4_0: 'Q4_0' } as const;

export type Mixture = keyof typeof mixtures;

/** What a tensor's type in a mixture depends on, beside its own name and shape. */
export interface MixtureModel {
  readonly blockCount: number;
  readonly expertCount: number;
  /** The embedding is the output matrix too: there is no `output.weight`. */
  readonly tiedEmbeddings: boolean;
}

/** The types of other blocks that stand in where rows are no whole blocks of 256. */
const fallbacks: Readonly<Record<string, string>> = { Q4_K: 'Q5_0', Q5_K: 'Q5_1', Q6_K: 'Q8_0' };

/** Matrices that llama.cpp leaves as they are. */
const neverQuantized =
  /_norm\.weight|ffn_gate_inp\.weight|altup|laurel|per_layer_model_proj|^position_embd\.weight$|^token_types\.weight$|ssm_conv1d|shortconv\.conv|\.position_embd/;

/**
 * The type that llama.cpp's quantizer gives a tensor (llama-quant.cpp, `llama_tensor_get_type`), so that the size of a
 * model is known before it is made; undefined where the tensor keeps its own.
 *
 * @param shape row-major
 */
export function mixedType(
  name: string,
  shape: readonly number[],
  mixture: Mixture,
  model: MixtureModel,
): string | undefined {
  if (shape.length < 2 || !name.endsWith('weight') || neverQuantized.test(name)) return undefined;
  const rowElements = shape.at(-1) ?? 0;
  const type = preferredType(name, rowElements, mixture, model);
  if (fitsBlocks(type, rowElements)) return type;
  const fallback = fallbacks[type] ?? type;
  return fitsBlocks(fallback, rowElements) ? fallback : 'F16';
}

function preferredType(name: string, rowElements: number, mixture: Mixture, model: MixtureModel): string {
  const type = mixtures[mixture];
  if (mixture === 'q8_0' || mixture === 'q6_k')
    return type === 'Q6_K' && isOutput(name, model) && !fitsBlocks(type, rowElements) ? 'Q8_0' : type;
  if (isOutput(name, model)) return fitsBlocks(type, rowElements) ? 'Q6_K' : 'Q8_0';
  if (mixture === 'q4_0') return type;
  const isValue = /attn_(?:v|qkv|kv_b)\.weight$/.test(name);
  if (model.expertCount === 8) {
    if (isValue || name.includes('attn_k.weight')) return 'Q8_0';
    if (mixture === 'q4_k_m' && name.includes('attn_output.weight')) return 'Q5_K';
  }
  return (isValue || name.includes('ffn_down')) && getsMoreBits(layerOf(name), model.blockCount) ? 'Q6_K' : type;
}

function isOutput(name: string, { tiedEmbeddings }: MixtureModel): boolean {
  return name === 'output.weight' || (tiedEmbeddings && /^(?:per_layer_)?token_embd\.weight$/.test(name));
}

function layerOf(name: string): number {
  return Number(/^blk\.(\d+)\./.exec(name)?.[1] ?? 0);
}

/** The first and the last eighth of the layers, and every third between (llama-quant.cpp, `use_more_bits`). */
function getsMoreBits(layer: number, layers: number): boolean {
  const eighth = Math.floor(layers / 8);
  return layer < eighth || layer >= Math.floor((7 * layers) / 8) || (layer - eighth) % 3 === 2;
}
