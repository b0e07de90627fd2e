import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fixture, referenceCheckpoints } from '../reference/checkpoints.ts';
import { writeCheckpoint } from '../reference/write-checkpoint.ts';
import { isJsonObject } from '../../src/convert/checkpoint/checkpoint-folder.ts';
import type { JsonObject } from '../../src/convert/checkpoint/checkpoint-folder.ts';
import { parseGgufHeader } from '../../src/gguf/read-header.ts';
import { planConversion } from '../../src/convert/plan/plan-conversion.ts';
import { planTiny } from './support/plan-tiny.ts';

/**
 * What makes of each checkpoint's config.json the one that a release of transformers has. `config-generations.py` had the
 * classes of 4.57 and 5.24 save them; transformers 5 reads those with older names as it reads the checkpoint's own.
 */
const generations = ['older-names', 'transformers-4', 'transformers-5'] as const;
const patches = Object.fromEntries(
  generations.map((name) => [
    name,
    JSON.parse(readFileSync(fixture(`config-generations/${name}.json`), 'utf8')) as Record<string, JsonObject>,
  ]),
);

/** Models that transformers 4 has no class for, nor for their text models. */
const newer = /^(?:gemma4|granite4-vision|minicpm-v|paddleocr-vl|qwen3\.5)/;

/** Keys that say the same in other words: transformers 5 lists kinds of layers where it was told how often one comes. */
const inOtherWords: Readonly<Record<string, readonly string[]>> = {
  'minicpm-v-4.6-tiny transformers-5': ['qwen35.attention.recurrent_layers', 'qwen35.full_attention_interval'],
  'minicpm-v-4.6-4x-tiny transformers-5': ['qwen35.attention.recurrent_layers', 'qwen35.full_attention_interval'],
};

function recordingCommands(name: string): string {
  return [
    `test/fixtures/config-generations lacks ${name}. To record it:`,
    '  npm run build:ts && node dist/test/reference/write-checkpoints.js checkpoints > /dev/null',
    '  python4 test/reference/config-generations.py checkpoints test/fixtures/config-generations',
    '  python5 test/reference/config-generations.py checkpoints test/fixtures/config-generations',
    'with a Python that has transformers 4 and one that has transformers 5 (test/reference/README.md).',
  ].join('\n');
}

/** RFC 7396. */
function patched(config: JsonObject, patch: JsonObject): JsonObject {
  const changed = Object.entries(patch).map(([key, change]): [string, unknown] => {
    const own = config[key];
    return [key, isJsonObject(change) ? patched(isJsonObject(own) ? own : {}, change) : change];
  });
  const all = Object.entries({ ...config, ...Object.fromEntries(changed) });
  return Object.fromEntries(all.filter(([, value]) => value !== null));
}

const asText = (value: unknown): string =>
  JSON.stringify(value, (_, it: unknown) => (typeof it === 'bigint' ? `${it}` : it));

/** The keys whose values are not the same. */
function differentKeys(one: Uint8Array<ArrayBuffer>, other: Uint8Array<ArrayBuffer>): string[] {
  const [before, after] = [parseGgufHeader(one).keyValues, parseGgufHeader(other).keyValues];
  const keys = [...new Set([...before.keys(), ...after.keys()])].sort();
  return keys.filter((key) => asText(before.get(key)) !== asText(after.get(key)));
}

let parent = '';
beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'vserve-generations-'));
});
afterAll(() => rm(parent, { recursive: true }));

/** The headers of a checkpoint with changes to its config.json. */
async function headersWith(name: string, patch: JsonObject): Promise<Uint8Array<ArrayBuffer>[]> {
  const own = referenceCheckpoints[name]?.checkpoint.files['config.json'];
  const config = (typeof own === 'string' ? JSON.parse(own) : own) as JsonObject;
  await writeFile(join(parent, name, 'config.json'), JSON.stringify(patched(config, patch)));
  const { files } = await planConversion({ sourceDir: join(parent, name), outtype: 'auto' });
  return files.map(({ header }) => header);
}

describe.each(Object.entries(referenceCheckpoints))('%s has the same headers', (name, { checkpoint }) => {
  let before: Uint8Array<ArrayBuffer>[] = [];
  beforeAll(async () => {
    await writeCheckpoint(join(parent, name), checkpoint, { withWeights: false });
    before = await headersWith(name, {});
  });

  const known = generations.filter((generation) => generation !== 'transformers-4' || !newer.test(name));
  test('and is known of every generation', () => {
    for (const generation of known) expect(patches[generation], recordingCommands(name)).toHaveProperty([name]);
  });

  const changed = Object.entries(patches).filter(([, patch]) => Object.keys(patch[name] ?? {}).length > 0);
  test.each(changed)('%s', async (generation, { [name]: patch = {} }) => {
    const after = await headersWith(name, patch);
    expect(after).toHaveLength(before.length);
    const different = before.map((header, i) => differentKeys(header, after[i] ?? new Uint8Array()));
    const expected = inOtherWords[`${name} ${generation}`] ?? [];
    expect(different.flat()).toEqual(expected);
    if (expected.length === 0)
      for (const [i, header] of before.entries()) expect(Buffer.from(header).equals(after[i] ?? header)).toBe(true);
  });
});

test('the part of a head that turns is read where either generation has it', async () => {
  const inRope = await headersWith('qwen3.5-tiny', {
    text_config: { rope_parameters: { partial_rotary_factor: 0.5 } },
  });
  const beside = await headersWith('qwen3.5-tiny', {
    text_config: { partial_rotary_factor: 0.5, rope_parameters: { partial_rotary_factor: null } },
  });
  expect(beside).toEqual(inRope);
  expect(inRope).not.toEqual(await headersWith('qwen3.5-tiny', {}));
});

test("a base that llama.cpp's encoder lacks is refused where either generation has it", async () => {
  const [older, newer] = [{ rope_theta: 500 }, { rope_theta: null, rope_parameters: { rope_theta: 500 } }];
  for (const rope of [older, newer]) {
    await expect(headersWith('llama4-scout-tiny', { vision_config: rope })).rejects.toThrow(/rope_theta/);
  }
});

test("the base of Gemma 3's local layers may be left out of either generation's", async () => {
  const newer = await headersWith('gemma3-tiny', {
    text_config: { rope_parameters: { sliding_attention: { rope_theta: null } } },
  });
  expect(newer).toEqual(await headersWith('gemma3-tiny', {}));
});

test('the text model of a mixture of experts by itself is text, whatever `architectures` says', async () => {
  const name = 'qwen3.5-moe-tiny';
  const whole = referenceCheckpoints[name]?.checkpoint.files['config.json'] as JsonObject | undefined;
  const text = whole?.text_config as JsonObject | undefined;
  const config = { architectures: ['Qwen3_5MoeForConditionalGeneration'], ...text };
  expect(config).toHaveProperty('model_type', 'qwen3_5_moe_text');
  const { files } = await planTiny(name, {
    files: { 'config.json': config },
    without: ['preprocessor_config.json'],
    keeps: (tensor) => !tensor.includes('visual.'),
  });
  expect(files.map(({ file }) => file)).toEqual(['model.gguf']);
});
