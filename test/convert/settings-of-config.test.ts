import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { referenceCheckpoints } from '../reference/checkpoints.ts';
import { writeCheckpoint } from '../reference/write-checkpoint.ts';
import { planConversion } from '../../src/convert/plan/plan-conversion.ts';
import type { ConversionPlan } from '../../src/convert/plan/plan-conversion.ts';

type Json = Record<string, unknown>;

const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
});

/** Plans a small checkpoint with a config.json that was changed. */
async function planWith(name: string, change: (config: Json) => Json | string): Promise<ConversionPlan> {
  const folder = await mkdtemp(join(tmpdir(), 'vserve-settings-'));
  folders.push(folder);
  const checkpoint = referenceCheckpoints[name]?.checkpoint;
  if (checkpoint === undefined) throw new Error(`There is no ${name}`);
  await writeCheckpoint(folder, checkpoint, { withWeights: false });
  const original = checkpoint.files['config.json'];
  const config = change(JSON.parse(typeof original === 'string' ? original : JSON.stringify(original)) as Json);
  await writeFile(join(folder, 'config.json'), typeof config === 'string' ? config : JSON.stringify(config));
  return planConversion({ sourceDir: folder, outtype: 'auto', modelName: name });
}

/** The change of a setting; undefined removes it. A dot stands between an object and its field. */
function setting(path: string, value: unknown): (config: Json) => Json {
  return (config) => {
    const keys = path.split('.');
    const last = keys.pop() ?? '';
    const object = keys.reduce((within, key) => within[key] as Json, config);
    object[last] = value;
    return config;
  };
}

test.each<[string, string, unknown, string]>([
  ['qwen2-tiny', 'hidden_size', undefined, 'config.json has no hidden_size, so it was assumed to be 4096.'],
  ['qwen2-tiny', 'hidden_size', null, 'config.json cannot be converted. hidden_size: it is null, not a number'],
  ['qwen2-tiny', 'hidden_size', 'wide', 'hidden_size: it is "wide", not a number'],
  ['qwen2-tiny', 'hidden_size', -1, 'hidden_size: it is -1; at least 1 is required'],
  ['qwen2-tiny', 'hidden_size', 1.5, 'hidden_size: it is 1.5, not a whole number'],
  ['qwen2-tiny', 'num_hidden_layers', 1e9, 'num_hidden_layers: it is 1000000000; at most 4096 is required'],
  ['internvl3-tiny', 'vision_config.qkv_bias', 'no', 'qkv_bias: it is "no", not true or false'],
  ['qwen2-tiny', 'rope_scaling', { rope_type: 'own' }, 'rope_scaling.rope_type: it is "own"; only "default", '],
  ['gemma3-tiny', 'vision_config', 5, 'config.json: vision_config cannot be converted. it is 5, not an object'],
  [
    'deepseek-ocr-tiny',
    'language_config.vocab_size',
    'x',
    'config.json: language_config cannot be converted. vocab_size',
  ],
  ['internvl3-tiny', 'vision_config.image_size', [56, 70], 'image_size: llama.cpp supports only squares'],
  ['internvl3-tiny', 'vision_config.image_size', 70, 'force_image_size: tiles of 56 pixels'],
  ['internvl3-tiny', 'force_image_size', 57, 'force_image_size: tiles of 57 pixels'],
  ['internvl3-hf-tiny', 'vision_config.image_size', [70, 70], 'image_size: 70 is no multiple of 28'],
  ['internvl3-hf-tiny', 'vision_feature_select_strategy', 'full', 'vision_feature_select_strategy: '],
  ['internvl3-tiny', 'select_layer', 0, 'select_layer: 0 '],
  ['internvl3-tiny', 'select_layer', -9, 'select_layer: -9 '],
  ['internvl3-tiny', 'llm_config', undefined, '"architectures" is missing under llm_config or text_config'],
  ['internvl3-tiny', 'llm_config.architectures', [], '"architectures" is missing under llm_config or text_config'],
  ['internvl3-hf-tiny', 'vision_config', undefined, '"architectures" is missing under vision_config'],
])('%s: a wrong setting is named: %s, %j', async (name, path, value, message) => {
  await expect(planWith(name, setting(path, value))).rejects.toMatchObject({
    name: 'VserveError',
    message: expect.stringContaining(message) as string,
  });
});

// Its rotary embedding alone would take all memory.
test.each([
  ['llama-tiny', 'head_dim'],
  ['llama4-scout-tiny', 'text_config.head_dim'],
])('%s: a head too large is refused before anything is made of its size', async (name, path) => {
  await expect(planWith(name, setting(path, 1_000_000_000))).rejects.toMatchObject({ code: 'tensor_invalid' });
});

test.each([
  ['internvl3-tiny', 'select_layer'],
  ['internvl3-hf-tiny', 'vision_feature_layer'],
])('%s: the layers behind %s are left out', async (name, field) => {
  const projectorOf = async (layer: number) =>
    (await planWith(name, setting(field, layer))).files.find(({ file }) => file === 'mmproj.gguf');
  const whole = await projectorOf(-1);
  const cut = await projectorOf(-2);
  expect(cut?.byteLength).toBeLessThan(whole?.byteLength ?? 0);
  expect(Buffer.from(cut?.header ?? []).toString('latin1')).not.toContain('v.blk.3.');
  expect(Buffer.from((await projectorOf(3))?.header ?? [])).toEqual(Buffer.from(cut?.header ?? []));
});

/** A configuration with a field that `JSON.stringify` does not write. */
const asPython = (config: Json, field: string, number: string): string => {
  const text = JSON.stringify({ ...config, [field]: '@', note: 'not NaN, no "Infinity"' });
  return text.replace('"@"', number);
};

test.each(['NaN', 'Infinity', '-Infinity', '[0.0, Infinity]'])(
  '%s, as Python writes it, is no obstacle',
  async (number) => {
    await planWith('qwen2-tiny', (config) => asPython(config, 'time_step_limit', number));
  },
);

test.each([
  ['NaN', 'it is "NaN", not a number'],
  ['-Infinity', 'it is -Infinity, not a number'],
])('but where a number is needed %s is named', async (number, message) => {
  const plan = planWith('qwen2-tiny', (config) => asPython(config, 'rms_norm_eps', number));
  await expect(plan).rejects.toMatchObject({
    code: 'checkpoint_invalid',
    message: expect.stringContaining(`rms_norm_eps: ${message}`) as string,
  });
});

test.each([
  ['gemma3-tiny', 'image_token_index', 'x', ['config.json: image_token_index is "x", which is not one of the 307 ']],
  ['gemma3-tiny', 'boi_token_index', 307, ['config.json: boi_token_index is 307, which is not one of']],
  ['kimi-vl-tiny', 'media_placeholder_token_id', -1, ['media_placeholder_token_id is -1, which is not one of']],
  ['internvl3-hf-tiny', 'image_token_id', [1], ['image_token_id is not a number, which is not one of']],
  ['internvl3-hf-tiny', 'image_token_id', null, []],
  ['qwen2-tiny', 'image_token_id', -1, []],
])('%s: it is told that %s is %j', async (name, field, value, expected) => {
  const { warnings } = await planWith(name, setting(field, value));
  expect(warnings).toEqual(expected.map((text) => expect.stringContaining(text) as unknown));
});

test('none of the reference checkpoints has anything to be told', async () => {
  for (const name of ['gemma3n-tiny', 'llava-next-tiny', 'internvl3-hf-tiny', 'qwen3.5-tiny', 'minicpm-v-4.6-tiny']) {
    expect((await planWith(name, (config) => config)).warnings, name).toEqual([]);
  }
});
