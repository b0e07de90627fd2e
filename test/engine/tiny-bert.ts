import {
  bool,
  float32,
  int32Array,
  KeyValues,
  string,
  stringArray,
  uint32,
} from '../../src/convert/gguf/key-values.ts';
import type { KnownTensor } from '../../src/convert/gguf/layout.ts';
import { layOut } from '../../src/convert/gguf/layout.ts';

const width = 32;
const heads = 2;
const innerWidth = 64;
const epsilon = 1e-12;
export const contextLength = 64;

/** llama.cpp's spelling: a word begins with a mark. */
const vocabulary = [
  '[PAD]',
  '[UNK]',
  '[CLS]',
  '[SEP]',
  '[MASK]',
  '▁red',
  '▁green',
  '▁circle',
  '▁square',
  '▁the',
  '##s',
];
export const tokenIds = { cls: 2, sep: 3, red: 5, green: 6, circle: 7, square: 8, the: 9, s: 10 };

const shapes: Readonly<Record<string, readonly number[]>> = {
  'token_embd.weight': [vocabulary.length, width],
  'token_types.weight': [2, width],
  'position_embd.weight': [contextLength, width],
  'token_embd_norm.weight': [width],
  'token_embd_norm.bias': [width],
  'blk.0.attn_q.weight': [width, width],
  'blk.0.attn_q.bias': [width],
  'blk.0.attn_k.weight': [width, width],
  'blk.0.attn_k.bias': [width],
  'blk.0.attn_v.weight': [width, width],
  'blk.0.attn_v.bias': [width],
  'blk.0.attn_output.weight': [width, width],
  'blk.0.attn_output.bias': [width],
  'blk.0.attn_output_norm.weight': [width],
  'blk.0.attn_output_norm.bias': [width],
  'blk.0.ffn_up.weight': [innerWidth, width],
  'blk.0.ffn_up.bias': [innerWidth],
  'blk.0.ffn_down.weight': [width, innerWidth],
  'blk.0.ffn_down.bias': [width],
  'blk.0.layer_output_norm.weight': [width],
  'blk.0.layer_output_norm.bias': [width],
};

/** Numbers that look random, and are the same each time. */
function* noise(): Generator<number, never, undefined> {
  for (let state = 1; ;) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    yield Math.fround((state / 2 ** 32 - 0.5) * 0.8);
  }
}

function makeWeights(): ReadonlyMap<string, readonly number[]> {
  const numbers = noise();
  return new Map(
    Object.entries(shapes).map(([name, shape]) => {
      const values = Array.from(
        { length: shape.reduce((product, size) => product * size, 1) },
        () => numbers.next().value,
      );
      return [name, name.endsWith('norm.weight') ? values.map((value) => Math.fround(1 + value)) : values];
    }),
  );
}

const weights = makeWeights();

/**
 * A GGUF file of a BERT with one layer, whose vectors are pooled in this way (llama.cpp's number), if any is said. It can
 * only be computed with the number of heads that it has.
 */
export function tinyBert(pooling: number | undefined, headCount = heads): Uint8Array {
  const keyValues = new KeyValues()
    .set('general.architecture', string('bert'))
    .set('bert.context_length', uint32(contextLength))
    .set('bert.embedding_length', uint32(width))
    .set('bert.feed_forward_length', uint32(innerWidth))
    .set('bert.block_count', uint32(1))
    .set('bert.attention.head_count', uint32(headCount))
    .set('bert.attention.layer_norm_epsilon', float32(epsilon))
    .set('bert.attention.causal', bool(false))
    .set('bert.pooling_type', pooling === undefined ? undefined : uint32(pooling))
    .set('tokenizer.ggml.model', string('bert'))
    .set('tokenizer.ggml.token_type_count', uint32(2))
    .set('tokenizer.ggml.tokens', stringArray(vocabulary.map((token) => token.replace(/^##/, ''))))
    .set('tokenizer.ggml.token_type', int32Array(vocabulary.map((token) => (token.startsWith('[') ? 3 : 1))))
    .set('tokenizer.ggml.unknown_token_id', uint32(1))
    .set('tokenizer.ggml.seperator_token_id', uint32(3))
    .set('tokenizer.ggml.padding_token_id', uint32(0))
    .set('tokenizer.ggml.cls_token_id', uint32(2))
    .set('tokenizer.ggml.bos_token_id', uint32(2))
    .set('tokenizer.ggml.eos_token_id', uint32(3))
    .set('tokenizer.ggml.mask_token_id', uint32(4));
  const tensors = Object.entries(shapes).map(([name, shape]): KnownTensor => ({
    name,
    shape,
    type: 'F32',
    values: weights.get(name) ?? [],
  }));
  return layOut(keyValues, tensors, []).header;
}

type Vector = readonly number[];

function weight(name: string): Vector {
  return weights.get(name) ?? [];
}

function linear(name: string, vector: Vector): number[] {
  const matrix = weight(`${name}.weight`);
  return weight(`${name}.bias`).map((bias, row) =>
    vector.reduce((sum, value, column) => sum + value * (matrix[row * vector.length + column] ?? 0), bias),
  );
}

function normalized(name: string, vector: Vector): number[] {
  const mean = vector.reduce((sum, value) => sum + value, 0) / vector.length;
  const variance = vector.reduce((sum, value) => sum + (value - mean) ** 2, 0) / vector.length;
  const bias = weight(`${name}.bias`);
  const scale = weight(`${name}.weight`);
  return vector.map((value, i) => ((value - mean) / Math.sqrt(variance + epsilon)) * (scale[i] ?? 0) + (bias[i] ?? 0));
}

const added = (a: Vector, b: Vector): number[] => a.map((value, i) => value + (b[i] ?? 0));
const dot = (a: Vector, b: Vector): number => a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);
const gelu = (x: number): number => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
const rowOf = (name: string, index: number): Vector => weight(name).slice(index * width, (index + 1) * width);

/** The vectors that the model makes of tokens, before they are pooled. */
export function vectorsOf(tokens: readonly number[]): readonly Vector[] {
  const inputs = tokens.map((token, position) => {
    const sum = added(rowOf('token_embd.weight', token), rowOf('position_embd.weight', position));
    return normalized('token_embd_norm', added(sum, rowOf('token_types.weight', 0)));
  });
  const queries = inputs.map((vector) => linear('blk.0.attn_q', vector));
  const keys = inputs.map((vector) => linear('blk.0.attn_k', vector));
  const values = inputs.map((vector) => linear('blk.0.attn_v', vector));
  return inputs.map((input, position) => {
    const attended = Array.from({ length: heads }, (_, head) => {
      const part = (vector: Vector = []): Vector => vector.slice((head * width) / heads, ((head + 1) * width) / heads);
      const scores = keys.map((key) => Math.exp(dot(part(queries[position]), part(key)) / Math.sqrt(width / heads)));
      const sum = scores.reduce((total, score) => total + score, 0);
      return part(input).map((_value, i) =>
        values.reduce((total, value, other) => total + (part(value)[i] ?? 0) * ((scores[other] ?? 0) / sum), 0),
      );
    }).flat();
    const middle = normalized('blk.0.attn_output_norm', added(linear('blk.0.attn_output', attended), input));
    const inner = linear('blk.0.ffn_up', middle).map(gelu);
    return normalized('blk.0.layer_output_norm', added(linear('blk.0.ffn_down', inner), middle));
  });
}
