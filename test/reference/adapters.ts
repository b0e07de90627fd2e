import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { randomBits } from './random.ts';

/** A weight that an adapter changes. */
export interface AdaptedWeight {
  /** The module's name, as in the checkpoint or as transformers has it. */
  readonly module: string;
  /** Of the weight. */
  readonly rows: number;
  readonly columns: number;
  readonly rank: number;
  readonly isEmbedding?: true;
}

/** A PEFT adapter of random matrices, which is always written the same. */
export interface ReferenceAdapter {
  /** `shapes-vlm`, or a checkpoint of `checkpoints.ts`. */
  readonly base: string;
  /** Of adapter_config.json, besides what every adapter has. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly weights: readonly AdaptedWeight[];
  /** Weights and biases that it holds as a whole. */
  readonly whole?: ReadonlyMap<string, readonly number[]>;
  readonly seed: number;
}

const [width, inner, heads, headsKv] = [128, 512, 4 * 32, 2 * 32];
const parts: readonly (readonly [string, number, number])[] = [
  ['self_attn.q_proj', heads, width],
  ['self_attn.k_proj', headsKv, width],
  ['self_attn.v_proj', headsKv, width],
  ['self_attn.o_proj', width, heads],
  ['mlp.gate_proj', inner, width],
  ['mlp.up_proj', inner, width],
  ['mlp.down_proj', width, inner],
];

/** The weights of the text layers of shapes-vlm. `rankOf`: 0 for one that stays. */
function shapesWeights(rankOf: (part: string) => number): AdaptedWeight[] {
  return Array.from({ length: 6 }, (_, layer) =>
    parts.map(([part, rows, columns]) => ({
      module: `model.language_model.layers.${String(layer)}.${part}`,
      rows,
      columns,
      rank: rankOf(part),
    })),
  )
    .flat()
    .filter(({ rank }) => rank > 0);
}

function shapesAdapter(seed: number, config: object, rankOf: (part: string) => number): ReferenceAdapter {
  return { base: 'shapes-vlm', seed, config: { r: 4, lora_alpha: 8, ...config }, weights: shapesWeights(rankOf) };
}

const isAttention = (part: string): boolean => part.startsWith('self_attn');

const towerParts: readonly (readonly [string, number, number])[] = [
  ['self_attn.q_proj', 96, 96],
  ['self_attn.out_proj', 96, 96],
  ['mlp.fc1', 256, 96],
];

/** Of the vision tower of shapes-vlm. */
const towerWeights = Array.from({ length: 3 }, (_, layer) =>
  towerParts.map(([part, rows, columns]) => ({
    // As in transformers 5: the checkpoint has another part in the name.
    module: `model.vision_tower.encoder.layers.${String(layer)}.${part}`,
    rows,
    columns,
    rank: 4,
  })),
).flat();

/** Adapters of the text model of shapes-vlm, which may be served beside one another. */
export const besideOthers: Readonly<Record<string, ReferenceAdapter>> = {
  plain: shapesAdapter(1, {}, () => 4),
  attention: shapesAdapter(2, {}, (part) => (isAttention(part) ? 4 : 0)),
  classic: shapesAdapter(3, { lora_alpha: 16 }, (part) => (/[qv]_proj/.test(part) ? 4 : 0)),
  stabilized: shapesAdapter(4, { use_rslora: true, lora_alpha: 4 }, () => 4),
  patterned: shapesAdapter(
    5,
    { rank_pattern: { 'mlp.down_proj': 8 }, alpha_pattern: { 'mlp.down_proj': 24, 'layers.0.self_attn.q_proj': 2 } },
    (part) => (part === 'mlp.down_proj' ? 8 : 4),
  ),
  fifth: shapesAdapter(6, {}, () => 4),
  sixth: shapesAdapter(7, {}, () => 4),
  seventh: shapesAdapter(8, {}, (part) => (isAttention(part) ? 0 : 4)),
};

/** Adapters of shapes-vlm that are merged into it. */
export const merged: Readonly<Record<string, ReferenceAdapter>> = {
  tower: {
    ...shapesAdapter(9, {}, () => 4),
    weights: [...shapesWeights(() => 4), ...towerWeights],
    whole: new Map([['model.multi_modal_projector.mm_soft_emb_norm.weight', [96]]]),
  },
  embedding: {
    ...shapesAdapter(10, {}, () => 4),
    weights: [
      ...shapesWeights((part) => (isAttention(part) ? 4 : 0)),
      { module: 'model.language_model.embed_tokens', rows: 1600, columns: width, rank: 4, isEmbedding: true },
    ],
  },
};

/** Writes an adapter's folder as PEFT does. `baseModel`: what its configuration names. */
export async function writeAdapter(folder: string, adapter: ReferenceAdapter, baseModel: string): Promise<void> {
  const { weights, whole = new Map<string, readonly number[]>(), config, seed } = adapter;
  const targets = [...new Set(weights.map(({ module }) => module.split('.').at(-1) ?? ''))];
  await mkdir(folder, { recursive: true });
  await writeFile(
    join(folder, 'adapter_config.json'),
    JSON.stringify({
      peft_type: 'LORA',
      task_type: 'CAUSAL_LM',
      base_model_name_or_path: baseModel,
      bias: 'none',
      fan_in_fan_out: false,
      inference_mode: true,
      init_lora_weights: true,
      lora_dropout: 0,
      modules_to_save: whole.size === 0 ? null : [...whole.keys()].map((name) => name.split('.').at(-2)),
      target_modules: targets,
      use_dora: false,
      ...config,
    }),
  );
  const next = randomBits(seed);
  const tensors = new Map<string, { readonly shape: readonly number[]; readonly values: Float32Array }>();
  const add = (name: string, shape: readonly number[], deviation: number): void => {
    const count = shape.reduce((product, size) => product * size, 1);
    const values = Float32Array.from({ length: count }, () => (next() / 2 ** 31 - 1) * Math.sqrt(3) * deviation);
    tensors.set(`base_model.model.${name}`, { shape, values });
  };
  for (const { module, rows, columns, rank, isEmbedding } of weights) {
    const [a, b] = isEmbedding ? ['lora_embedding_A', 'lora_embedding_B'] : ['lora_A.weight', 'lora_B.weight'];
    add(`${module}.${a}`, [rank, isEmbedding ? rows : columns], isEmbedding ? 0.5 : 1 / Math.sqrt(columns));
    add(`${module}.${b}`, [isEmbedding ? columns : rows, rank], 0.05);
  }
  for (const [name, shape] of whole) add(name, shape, 1);
  await writeFile(join(folder, 'adapter_model.safetensors'), safetensors(tensors));
}

function safetensors(
  tensors: ReadonlyMap<string, { readonly shape: readonly number[]; readonly values: Float32Array }>,
): Buffer {
  let end = 0;
  const entries = Array.from(tensors, ([name, { shape, values }]) => {
    const begin = end;
    end += values.byteLength;
    return [name, { dtype: 'F32', shape, data_offsets: [begin, end] }] as const;
  });
  const json = Buffer.from(JSON.stringify({ __metadata__: { format: 'pt' }, ...Object.fromEntries(entries) }));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.byteLength));
  return Buffer.concat([length, json, ...Array.from(tensors.values(), ({ values }) => Buffer.from(values.buffer))]);
}

/** An adapter of the text layers of a tiny checkpoint: each projection of attention and of the feed-forward networks. */
export async function familyAdapter(base: string, checkpoint: string): Promise<ReferenceAdapter> {
  const shards = (await readdir(checkpoint)).filter((name) => name.endsWith('.safetensors')).sort();
  const headers = await Promise.all(
    shards.map(async (shard) => {
      const bytes = await readFile(join(checkpoint, shard));
      return JSON.parse(bytes.toString('utf8', 8, 8 + Number(bytes.readBigUInt64LE()))) as Readonly<
        Record<string, { readonly shape?: readonly number[] }>
      >;
    }),
  );
  const names = /layers\.\d+\.(?:self_attn|mlp(?:\.experts\.\d+)?)\.(?:q|k|v|o|gate|up|down|gate_up)_proj\.weight$/;
  const weights = headers
    .flatMap((header) => Object.entries(header))
    .flatMap(([name, { shape = [] }]): AdaptedWeight[] => {
      const [rows, columns] = shape;
      if (!names.test(name) || /visi|vpm/.test(name) || rows === undefined || columns === undefined) return [];
      return [{ module: name.replace(/\.weight$/, ''), rows, columns, rank: 3 }];
    });
  return { base, config: { r: 3, lora_alpha: 6 }, weights, seed: 100 };
}

/** Families whose tensors become GGUF's in different ways: turned, split, as they are. */
export const adaptedFamilies = ['llama-tiny', 'qwen2-tiny', 'qwen3-moe-tiny', 'gemma-tiny-text', 'smolvlm-tiny'];
