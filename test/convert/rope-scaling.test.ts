import { expect, test } from 'vitest';
import { parseGgufHeader } from '../../src/gguf/read-header.ts';
import { referenceCheckpoints } from '../reference/checkpoints.ts';
import { planTiny } from './support/plan-tiny.ts';
import type { Json } from './support/plan-tiny.ts';

async function planWith(name: string, rope: Json): Promise<Awaited<ReturnType<typeof planTiny>>> {
  const own = referenceCheckpoints[name]?.checkpoint.files['config.json'];
  const config = (typeof own === 'string' ? JSON.parse(own) : own) as Json;
  const scaled = { rope_scaling: rope, rope_parameters: undefined };
  const changed = config.text_config
    ? { ...config, text_config: { ...(config.text_config as Json), ...scaled } }
    : { ...config, ...scaled };
  return planTiny(name, { files: { 'config.json': changed } });
}

const yarn = { rope_type: 'yarn', factor: 4, original_max_position_embeddings: 512 };

test.each<[string, Json, string]>([
  ['qwen2-tiny', { rope_type: 'llama3', factor: 8 }, 'of type "llama3" cannot be had for the architecture qwen2'],
  ['gemma3-tiny', { rope_type: 'llama3', factor: 8 }, 'cannot be had for the architecture gemma3'],
  ['llama-tiny', { rope_type: 'longrope', factor: 4 }, 'of type "longrope"'],
  ['qwen2-tiny', { type: 'longrope', factor: 4 }, 'of type "longrope"'],
  ['granite-tiny', { rope_type: 'proportional', partial_rotary_factor: 0.25 }, 'only for gemma4'],
  ['qwen2-tiny', { type: 'dynamic', alpha: 1000 }, 'with an alpha'],
  ['qwen2-tiny', { type: 'linear' }, 'of type "linear" without a factor'],
  ['qwen3-tiny', { ...yarn, factor: null }, 'of type "yarn" without a factor'],
  ['qwen3-tiny', { ...yarn, truncate: false }, 'with "truncate": false'],
  ['qwen3-tiny', { ...yarn, mscale: 1, mscale_all_dim: 0.8 }, 'with mscale and mscale_all_dim'],
])('%s: %j, which llama.cpp cannot do for it, is refused', async (name, rope, message) => {
  await expect(planWith(name, rope)).rejects.toMatchObject({
    code: 'checkpoint_invalid',
    message: expect.stringContaining(message) as string,
  });
});

test.each(['granite-tiny', 'llama-tiny'])('%s has the factors of Llama 3’s scaling as a tensor', async (name) => {
  const { files } = await planWith(name, { rope_type: 'llama3', factor: 8, low_freq_factor: 1, high_freq_factor: 4 });
  const tensors = files.flatMap(({ header }) => parseGgufHeader(header).tensors.map((tensor) => tensor.name));
  expect(tensors).toContain('rope_freqs.weight');
});

test.each<[string, Json, Record<string, unknown>]>([
  ['qwen2-tiny', { type: 'dynamic', factor: 2 }, { 'rope.scaling.type': undefined, 'rope.scaling.factor': undefined }],
  ['qwen2-tiny', { type: 'linear', factor: 2 }, { 'rope.scaling.type': 'linear', 'rope.scaling.factor': 2 }],
  ['qwen2-tiny', { ...yarn, attn_factor: 0.5 }, { 'rope.scaling.type': 'yarn', 'rope.scaling.yarn_attn_factor': 0.5 }],
  ['gemma3-tiny', { rope_type: 'linear', factor: 8 }, { 'rope.scaling.type': 'linear', 'rope.scaling.factor': 8 }],
])('%s: %j is written as %j', async (name, rope, expected) => {
  const { files } = await planWith(name, rope);
  const [model] = files.filter(({ file }) => file === 'model.gguf');
  const keys = parseGgufHeader(model?.header ?? new Uint8Array()).keyValues;
  const architecture = String(keys.get('general.architecture'));
  for (const [key, value] of Object.entries(expected)) expect(keys.get(`${architecture}.${key}`)).toBe(value);
});
