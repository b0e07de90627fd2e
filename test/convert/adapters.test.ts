import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { convertAdapter } from '../../src/convert/index.ts';
import { readGgufHeader } from '../../src/gguf/read-header.ts';
import {
  adaptedFamilies,
  besideOthers,
  familyAdapter,
  merged as mergedAdapters,
  writeAdapter,
} from '../reference/adapters.ts';
import type { ReferenceAdapter } from '../reference/adapters.ts';
import { referenceCheckpoints } from '../reference/checkpoints.ts';
import { writeCheckpoint } from '../reference/write-checkpoint.ts';
import { adapterReference } from '../support/adapters.ts';
import { changeJson, convert, shapesVlm, shapesVlmCopy, temporaryFolder } from './support/checkpoints.ts';
import { describeGguf } from './support/describe-gguf.ts';

const { plain } = besideOthers;

async function converted(adapterDir: string, baseDir: string): Promise<string> {
  const path = join(await temporaryFolder(), 'adapter.gguf');
  await convertAdapter({ baseDir, adapterDir, path, signal: new AbortController().signal });
  return path;
}

/** An adapter's folder of this name. */
async function adapterFolder(name: string, adapter: ReferenceAdapter | undefined): Promise<string> {
  const folder = join(await temporaryFolder(), name);
  if (adapter !== undefined) await writeAdapter(folder, adapter, adapter.base);
  return folder;
}

describe('an adapter becomes what convert_lora_to_gguf.py makes of it', () => {
  const ofShapes = Object.entries({ ...besideOthers, ...mergedAdapters }).filter(
    ([name]) => name in adapterReference.gguf,
  );

  test.each(ofShapes)('shapes-vlm: %s', async (name, adapter) => {
    const path = await converted(await adapterFolder(name, adapter), shapesVlm);
    expect(await describeGguf(path)).toEqual(adapterReference.gguf[name]);
  });

  test.each(adaptedFamilies)('%s', async (family) => {
    const checkpoint = referenceCheckpoints[family];
    if (checkpoint === undefined) throw new Error(`There is no checkpoint ${family}`);
    const base = join(await temporaryFolder(), family);
    await writeCheckpoint(base, checkpoint.checkpoint);
    const name = `${family}-adapter`;
    const path = await converted(await adapterFolder(name, await familyAdapter(family, base)), base);
    expect(await describeGguf(path)).toEqual(adapterReference.gguf[name]);
  });
});

/** The elements of a tensor in single precision of a GGUF file. */
async function elementsOf(path: string, wanted: string): Promise<Float32Array> {
  const { tensors, byteLength } = await readGgufHeader(path);
  let offset = Math.ceil(byteLength / 32) * 32;
  for (const { name, shape, type } of tensors) {
    // F32, or F16.
    const bytes = shape.reduce((product, size) => product * size, type === 0 ? 4 : 2);
    if (name === wanted && type === 0)
      return new Float32Array((await readFile(path)).buffer.slice(offset, offset + bytes));
    offset += Math.ceil(bytes / 32) * 32;
  }
  throw new Error(`${path} has no ${wanted}`);
}

/** A checkpoint and an adapter in one folder, as the store puts them together. */
async function together(adapter: ReferenceAdapter | undefined): Promise<string> {
  const folder = await shapesVlmCopy();
  await mkdir(join(folder, 'vserve-adapter'));
  if (adapter !== undefined) await writeAdapter(join(folder, 'vserve-adapter'), adapter, basename(folder));
  return folder;
}

/** The matrices of a module, by the file itself. */
async function matricesOf(folder: string, module: string) {
  const bytes = await readFile(join(folder, 'vserve-adapter/adapter_model.safetensors'));
  const length = Number(bytes.readBigUInt64LE());
  const header = JSON.parse(bytes.toString('utf8', 8, 8 + length)) as Readonly<
    Record<string, { readonly shape: readonly number[]; readonly data_offsets: readonly [number, number] }>
  >;
  const read = (part: string) => {
    const entry = header[`base_model.model.${module}.${part}`];
    if (entry === undefined) throw new Error(`no ${module}.${part}`);
    const [begin, end] = entry.data_offsets.map((offset) => offset + 8 + length);
    return {
      shape: entry.shape,
      values: new Float32Array(bytes.buffer.slice(bytes.byteOffset + (begin ?? 0), bytes.byteOffset + (end ?? 0))),
    };
  };
  return read;
}

/** What is to be added to an element of a weight. */
function deltaAt(a: Float32Array, b: Float32Array, rank: number, columns: number, row: number, column: number): number {
  let sum = 0;
  for (let i = 0; i < rank; i++) sum += (b[row * rank + i] ?? 0) * (a[i * columns + column] ?? 0);
  return sum;
}

describe('a checkpoint with an adapter', () => {
  test('has its products added to the weights of the text model and of the vision tower', async () => {
    const folder = await together(mergedAdapters['tower']);
    const [own, withAdapter] = await Promise.all([
      convert(shapesVlm, { outtype: 'f32' }),
      convert(folder, { outtype: 'f32' }),
    ]);
    const places = [
      [
        own.modelPath,
        withAdapter.modelPath,
        'blk.3.ffn_down.weight',
        'model.language_model.layers.3.mlp.down_proj',
        512,
      ],
      [
        own.mmprojPath ?? '',
        withAdapter.mmprojPath ?? '',
        'v.blk.1.attn_q.weight',
        'model.vision_tower.encoder.layers.1.self_attn.q_proj',
        96,
      ],
    ] as const;
    for (const [before, after, tensor, module, columns] of places) {
      const read = await matricesOf(folder, module);
      const [a, b] = [read('lora_A.weight').values, read('lora_B.weight').values];
      const [old, changed] = [await elementsOf(before, tensor), await elementsOf(after, tensor)];
      const places = [0, 1, 97, 1000, old.length - 1];
      for (const i of places) {
        const delta = 2 * deltaAt(a, b, 4, columns, Math.floor(i / columns), i % columns);
        expect(changed[i]).toBeCloseTo((old[i] ?? 0) + delta, 6);
        expect(changed[i]).not.toBe(old[i]);
      }
    }
    // modules_to_save
    const norm = await elementsOf(withAdapter.mmprojPath ?? '', 'mm.soft_emb_norm.weight');
    expect(norm).not.toEqual(await elementsOf(own.mmprojPath ?? '', 'mm.soft_emb_norm.weight'));
    // What the adapter does not change stays.
    const untouched = 'blk.0.attn_norm.weight';
    expect(await elementsOf(withAdapter.modelPath, untouched)).toEqual(await elementsOf(own.modelPath, untouched));
  });

  test('gets an output layer of its own where only the embedding is changed that it shares', async () => {
    const folder = await together(mergedAdapters['embedding']);
    const own = await convert(shapesVlm, { outtype: 'f32' });
    const { modelPath } = await convert(folder, { outtype: 'f32' });
    const embedding = await elementsOf(own.modelPath, 'token_embd.weight');
    expect(await elementsOf(modelPath, 'output.weight')).toEqual(embedding);
    const read = await matricesOf(folder, 'model.language_model.embed_tokens');
    const [a, b] = [read('lora_embedding_A').values, read('lora_embedding_B').values];
    const changed = await elementsOf(modelPath, 'token_embd.weight');
    for (const i of [0, 500, 128 * 1600 - 1]) {
      // The product is [columns, rows] here.
      const delta = 2 * deltaAt(a, b, 4, 1600, i % 128, Math.floor(i / 128));
      expect(changed[i]).toBeCloseTo((embedding[i] ?? 0) + delta, 6);
    }
  });

  test('is converted to other types from the sums in single precision', async () => {
    const folder = await together(plain);
    const { modelPath } = await convert(folder, { outtype: 'q8_0' });
    const { modelPath: own } = await convert(shapesVlm, { outtype: 'q8_0' });
    expect((await readFile(modelPath)).equals(await readFile(own))).toBe(false);
    expect((await readFile(modelPath)).byteLength).toBeGreaterThan(0);
  });
});

describe('what cannot be followed is refused by name', () => {
  const settings: readonly (readonly [object, RegExp])[] = [
    [{ use_dora: true }, /"use_dora": true/],
    [{ peft_type: 'IA3' }, /"peft_type": "IA3"/],
    [{ lora_bias: true }, /"lora_bias": true/],
    [{ init_lora_weights: 'pissa_niter_16' }, /"init_lora_weights": "pissa_niter_16"/],
    [{ target_parameters: ['experts.down_proj'] }, /"target_parameters"/],
    [{ trainable_token_indices: [1, 2] }, /"trainable_token_indices"/],
    [{ alora_invocation_tokens: [7] }, /"alora_invocation_tokens"/],
  ];
  test.each(settings)('%j', async (change, message) => {
    const folder = await adapterFolder('spoilt', plain);
    await changeJson(folder, 'adapter_config.json', (config) => ({ ...config, ...change }));
    await expect(converted(folder, shapesVlm)).rejects.toMatchObject({
      code: 'unsupported_capability',
      message: expect.stringMatching(message) as string,
    });
  });

  test.each([
    ['tower', /holds all of model\.multi_modal_projector\.mm_soft_emb_norm\.weight/],
    ['withoutWhole', /changes 9 weights outside of the text model/],
  ])('beside others: %s', async (name, message) => {
    const { tower } = mergedAdapters;
    const { whole: _, ...withoutWhole } = tower ?? { base: '', config: {}, weights: [], seed: 0 };
    const folder = await adapterFolder(name, name === 'tower' ? tower : withoutWhole);
    await expect(converted(folder, shapesVlm)).rejects.toMatchObject({
      code: 'unsupported_capability',
      message: expect.stringMatching(message) as string,
    });
  });

  test('an adapter of another model', async () => {
    const weights = [{ module: 'model.language_model.layers.0.self_attn.q_proj', rows: 64, columns: 128, rank: 2 }];
    const folder = await adapterFolder('other', { base: 'x', config: { r: 2, lora_alpha: 2 }, weights, seed: 1 });
    await expect(converted(folder, shapesVlm)).rejects.toMatchObject({ code: 'tensor_invalid' });
    const far = [{ module: 'model.language_model.layers.9.self_attn.q_proj', rows: 128, columns: 128, rank: 2 }];
    const beyond = await adapterFolder('far', { base: 'x', config: { r: 2, lora_alpha: 2 }, weights: far, seed: 1 });
    await expect(converted(beyond, shapesVlm)).rejects.toMatchObject({ code: 'tensor_unclaimed' });
  });

  test('an adapter without its weights, or with half of them', async () => {
    const folder = await adapterFolder('empty', plain);
    const weights = join(folder, 'adapter_model.safetensors');
    await rename(weights, `${weights}.gone`);
    await expect(converted(folder, shapesVlm)).rejects.toMatchObject({ code: 'shard_missing' });
    await writeFile(weights, (await readFile(`${weights}.gone`)).subarray(0, 5000));
    await expect(converted(folder, shapesVlm)).rejects.toMatchObject({ code: 'safetensors_invalid' });
  });
});
