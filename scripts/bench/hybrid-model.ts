import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { faithfulCheckpoint } from '../../test/engine/seeing-checkpoints.ts';
import type { Shapes } from '../../test/reference/gemma3-shapes.ts';
import { safetensorsHeader, writeCheckpoint } from '../../test/reference/write-checkpoint.ts';
import { writePlainWeights } from '../../test/reference/write-plain-weights.ts';

const text = { vocabulary: 50_304, width: 768, inner: 2304, layers: 16, heads: 12, headsKv: 4 };
const vision = { width: 192, inner: 768, layers: 6, heads: 3, patches: 256, patchSize: 16, projector: 768 };
const kernel = 3;
/** A side of this many pixels is a picture of 256 tokens, in one piece. */
export const hybridImageSize = 512;

type Entry = readonly [name: string, shape: readonly number[]];

const headDim = text.width / text.heads;
const layerNumbers = Array.from({ length: text.layers }, (_, layer) => layer);
/** Every fourth layer attends, the others are convolutions that remember the last tokens. */
const attends = (layer: number): boolean => layer % 4 === 2;

/**
 * Writes a checkpoint of random weights: an LFM2-VL of 160 million parameters, whose layers are attention and convolutions
 * with a state. Its tokenizer and template are those of the reference checkpoint.
 */
export async function writeHybridCheckpoint(directory: string): Promise<void> {
  const reference = faithfulCheckpoint('lfm2-vl-tiny');
  const given = reference.files['config.json'] as Record<string, object>;
  const config = {
    ...given,
    projector_hidden_size: vision.projector,
    text_config: { ...given['text_config'], ...textConfig() },
    vision_config: { ...given['vision_config'], ...visionConfig() },
  };
  const files = { ...reference.files, 'config.json': config };
  const shapes = new Map([...textShapes(), ...visionShapes()]);
  await rm(directory, { recursive: true, force: true });
  await writeCheckpoint(directory, { ...reference, files, shapes, shards: 1 }, { withWeights: false });
  const weightsPath = join(directory, 'model.safetensors');
  await writePlainWeights(weightsPath, shapes);
  await silenceOthers(
    weightsPath,
    safetensorsHeader(shapes, 'BF16').byteLength,
    wordsOf(reference.files['tokenizer.json']),
  );
}

/** The ids of a tokenizer's words. */
function wordsOf(tokenizer: unknown): Set<number> {
  const { model } = tokenizer as { model: { vocab: Record<string, number> } };
  const words = Object.entries(model.vocab).filter(([token]) => /^Ġ?[a-z]{2,}$/.test(token));
  return new Set(words.map(([, id]) => id));
}

/** Zeroes the embeddings, which come first, of all that are no words: it answers in words, as nothing else has a logit. */
async function silenceOthers(weightsPath: string, start: number, words: ReadonlySet<number>): Promise<void> {
  const rowBytes = 2 * text.width;
  const handle = await open(weightsPath, 'r+');
  for (let from = 0; from < text.vocabulary;) {
    let to = from;
    while (to < text.vocabulary && !words.has(to)) to += 1;
    if (to > from) await handle.write(Buffer.alloc((to - from) * rowBytes), 0, undefined, start + from * rowBytes);
    from = to + 1;
  }
  await handle.close();
}

function textConfig(): object {
  return {
    block_auto_adjust_ff_dim: false,
    block_dim: text.width,
    block_ff_dim: text.inner,
    conv_L_cache: kernel,
    full_attn_idxs: layerNumbers.filter(attends),
    hidden_size: text.width,
    layer_types: layerNumbers.map((layer) => (attends(layer) ? 'full_attention' : 'conv')),
    num_attention_heads: text.heads,
    num_hidden_layers: text.layers,
    num_key_value_heads: text.headsKv,
    vocab_size: text.vocabulary,
  };
}

function visionConfig(): object {
  return {
    hidden_size: vision.width,
    intermediate_size: vision.inner,
    num_attention_heads: vision.heads,
    num_hidden_layers: vision.layers,
    num_patches: vision.patches,
    patch_size: vision.patchSize,
  };
}

function textShapes(): Shapes {
  const { vocabulary, width, inner, headsKv } = text;
  const attention: readonly Entry[] = [
    ['self_attn.q_proj', [width, width]],
    ['self_attn.k_proj', [headsKv * headDim, width]],
    ['self_attn.v_proj', [headsKv * headDim, width]],
    ['self_attn.out_proj', [width, width]],
    ['self_attn.q_layernorm', [headDim]],
    ['self_attn.k_layernorm', [headDim]],
  ];
  const convolution: readonly Entry[] = [
    ['conv.conv', [width, 1, kernel]],
    ['conv.in_proj', [3 * width, width]],
    ['conv.out_proj', [width, width]],
  ];
  const common: readonly Entry[] = [
    ['operator_norm', [width]],
    ['ffn_norm', [width]],
    ['feed_forward.w1', [inner, width]],
    ['feed_forward.w2', [width, inner]],
    ['feed_forward.w3', [inner, width]],
  ];
  const layers = layerNumbers.flatMap((layer) =>
    within(`layers.${String(layer)}`, [...common, ...(attends(layer) ? attention : convolution)]),
  );
  const all: readonly Entry[] = [['embed_tokens', [vocabulary, width]], ['embedding_norm', [width]], ...layers];
  return new Map(within('model.language_model', all).map(([name, shape]) => [`${name}.weight`, shape]));
}

function visionShapes(): Shapes {
  const { width, inner, patches, patchSize, projector } = vision;
  const merged = 4 * width;
  const layer: readonly Entry[] = [
    ['layer_norm1', [width]],
    ['layer_norm2', [width]],
    ['mlp.fc1', [inner, width]],
    ['mlp.fc2', [width, inner]],
    ...['k', 'out', 'q', 'v'].map((name): Entry => [`self_attn.${name}_proj`, [width, width]]),
  ];
  const layers = Array.from({ length: vision.layers }, (_, i) => within(`encoder.layers.${String(i)}`, layer)).flat();
  const tower: readonly Entry[] = [
    ...layers,
    ['embeddings.patch_embedding', [width, 3 * patchSize ** 2]],
    ['post_layernorm', [width]],
  ];
  const projection: readonly Entry[] = [
    ['layer_norm', [merged]],
    ['linear_1', [projector, merged]],
    ['linear_2', [text.width, projector]],
  ];
  const withBias = [
    ...within('model.vision_tower.vision_model', tower),
    ...within('model.multi_modal_projector', projection),
  ].flatMap(([name, shape]): Entry[] => [
    [`${name}.weight`, shape],
    [`${name}.bias`, shape.slice(0, 1)],
  ]);
  return new Map([
    ['model.vision_tower.vision_model.embeddings.position_embedding.weight', [patches, width]],
    ...withBias,
  ]);
}

function within(parent: string, entries: readonly Entry[]): Entry[] {
  return entries.map(([name, shape]) => [`${parent}.${name}`, shape]);
}
