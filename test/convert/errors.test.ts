import { execFileSync } from 'node:child_process';
import { mkdir, readdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { VserveError } from '../../src/errors/index.ts';
import type { ErrorCode } from '../../src/errors/index.ts';
import { planConversion } from '../../src/convert/plan/plan-conversion.ts';
import { visionShapes, textShapes } from '../reference/gemma3-shapes.ts';
import { safetensorsHeader } from '../reference/write-checkpoint.ts';
import { changeJson, convert, shapesVlmCopy, temporaryFolder } from './support/checkpoints.ts';
import { pickTensors, readSafetensors, safetensorsBytes } from './support/safetensors.ts';
import type { SafetensorsFile } from './support/safetensors.ts';

/** Expects that the conversion cannot be planned (nothing is written until it is), for a reason with these names. */
async function expectFailure(folder: string, code: ErrorCode, naming: string | RegExp): Promise<void> {
  const planned = planConversion({ sourceDir: folder, outtype: 'bf16' });
  const error: unknown = await planned.catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ name: 'VserveError', code });
  expect((error as Error).message).toMatch(naming);
}

/** `shapes-vlm` with another `model.safetensors`. */
async function withWeights(change: (file: SafetensorsFile) => Buffer): Promise<string> {
  const folder = await shapesVlmCopy();
  await writeFile(join(folder, 'model.safetensors'), change(await readSafetensors(folder)));
  return folder;
}

const embedding = 'language_model.model.embed_tokens.weight';
const firstNorm = 'language_model.model.layers.0.input_layernorm.weight';

function changedEntry(change: (entry: SafetensorsFile['entries'][string]) => object): Promise<string> {
  return withWeights(({ entries, data }) => {
    const entry = entries[firstNorm];
    if (entry === undefined) throw new RangeError(firstNorm);
    return safetensorsBytes(JSON.stringify({ ...entries, [firstNorm]: { ...entry, ...change(entry) } }), data);
  });
}

describe('a broken safetensors file is refused', () => {
  test.each<[string, () => Promise<string>, RegExp]>([
    ['empty', () => withWeights(() => Buffer.alloc(0)), /only 0 bytes/],
    [
      'header beyond the file',
      () => withWeights(() => Buffer.from('ffffffffffffff7f7b7d', 'hex')),
      /header should take/,
    ],
    ['header not JSON', () => withWeights(({ data }) => safetensorsBytes('{"a":', data)), /not JSON/],
    ['header a list', () => withWeights(({ data }) => safetensorsBytes('[]', data)), /not a JSON object/],
    ['entry null', () => withWeights(({ data }) => safetensorsBytes('{"a":null}', data)), /no description/],
    ['unknown dtype', () => changedEntry(() => ({ dtype: 'BF15' })), /BF15/],
    ['negative size', () => changedEntry(() => ({ shape: [-128] })), /-128/],
    ['too many dimensions', () => changedEntry(() => ({ shape: Array.from({ length: 100 }, () => 1) })), /at most 8/],
    ['offsets missing', () => changedEntry(() => ({ data_offsets: [1] })), /data_offsets/],
    ['wrong size', () => changedEntry(() => ({ shape: [129] })), /needs 258/],
    ['a hole', () => changedEntry(({ data_offsets: [a, b] }) => ({ data_offsets: [a + 2, b + 2] })), /hole/],
    ['an overlap', () => changedEntry(({ data_offsets: [a, b] }) => ({ data_offsets: [a - 2, b - 2] })), /overlaps/],
    [
      'too long',
      () =>
        withWeights(({ entries, data }) =>
          safetensorsBytes(JSON.stringify(entries), Buffer.concat([data, Buffer.alloc(2)])),
        ),
      /2 bytes at its end/,
    ],
    [
      'a name twice',
      () =>
        withWeights(({ entries, data }) =>
          safetensorsBytes(`{"\\u0061":{},"a":{},${JSON.stringify(entries).slice(1)}`, data),
        ),
      /"a" twice/,
    ],
  ])('%s', async (_, folder, naming) => {
    await expectFailure(await folder(), 'safetensors_invalid', naming);
  });

  test('cut short', async () => {
    const folder = await shapesVlmCopy();
    await truncate(join(folder, 'model.safetensors'), 4_000_000);
    await expectFailure(folder, 'safetensors_invalid', /its tensors need 4056080/);
  });

  test('a header of gigabytes, without reading it', async () => {
    const folder = await withWeights(() => Buffer.from('00ca9a3b00000000', 'hex'));
    await truncate(join(folder, 'model.safetensors'), 2_000_000_000);
    await expectFailure(folder, 'safetensors_invalid', /limit of 100000000/);
  });
});

describe('tensors that do not fit the architecture are refused', () => {
  test('one that nobody claims', async () => {
    const folder = await withWeights((file) => {
      const entry = file.entries[firstNorm];
      if (entry !== undefined) file.entries['language_model.model.layers.0.adapter.weight'] = entry;
      return pickTensors(file, Object.keys(file.entries));
    });
    await expectFailure(folder, 'tensor_unclaimed', 'layers.0.adapter.weight');
  });

  test('one missing', async () => {
    const folder = await withWeights((file) =>
      pickTensors(
        file,
        Object.keys(file.entries).filter((name) => name !== firstNorm),
      ),
    );
    await expectFailure(folder, 'tensor_missing', 'model.layers.0.input_layernorm.weight');
  });

  test('one of a wrong shape', async () => {
    const folder = await shapesVlmCopy();
    await changeJson(folder, 'config.json', (config) => ({
      ...config,
      text_config: { ...(config.text_config as object), vocab_size: 1601 },
    }));
    await expectFailure(folder, 'tensor_invalid', `${embedding} has the shape [1600, 128]`);
  });

  test('one of integers', async () => {
    const folder = await withWeights(({ entries, data }) => {
      for (const entry of Object.values(entries)) entry.dtype = 'I16';
      return safetensorsBytes(JSON.stringify(entries), data);
    });
    await expectFailure(folder, 'tensor_invalid', /I16/);
  });
});

async function sharded(change: (weightMap: Record<string, unknown>) => Record<string, unknown>): Promise<string> {
  const folder = await shapesVlmCopy();
  const file = await readSafetensors(folder);
  const names = Object.keys(file.entries);
  const halves = { 'model-1.safetensors': names.slice(0, 40), 'model-2.safetensors': names.slice(40) };
  const weightMap: Record<string, unknown> = {};
  for (const [shard, within] of Object.entries(halves)) {
    await writeFile(join(folder, shard), pickTensors(file, within));
    for (const name of within) weightMap[name] = shard;
  }
  await rm(join(folder, 'model.safetensors'));
  const index = join(folder, 'model.safetensors.index.json');
  await writeFile(index, JSON.stringify({ weight_map: change(weightMap) }));
  return folder;
}

describe('shards that do not fit their index are refused', () => {
  test('a shard missing', async () => {
    const folder = await sharded((map) => map);
    await rm(join(folder, 'model-2.safetensors'));
    await expectFailure(folder, 'shard_missing', 'model-2.safetensors');
  });

  test('a tensor that its shard does not hold', async () => {
    const folder = await sharded((map) => ({ ...map, ghost: 'model-1.safetensors' }));
    await expectFailure(folder, 'tensor_missing', 'ghost');
  });

  test('a tensor in another shard', async () => {
    const folder = await sharded((map) => ({ ...map, [embedding]: 'model-2.safetensors' }));
    await expectFailure(folder, 'tensor_missing', embedding);
  });

  test('a tensor that the index does not name', async () => {
    const folder = await sharded((map) =>
      Object.fromEntries(Object.entries(map).filter(([name]) => name !== embedding)),
    );
    await expectFailure(folder, 'checkpoint_invalid', embedding);
  });

  test.each(['../model-1.safetensors', '/etc/passwd', 'a\\b.safetensors', '', '..', 7])(
    'a shard outside the folder: %j',
    async (shard) => {
      const folder = await sharded((map) => ({ ...map, [embedding]: shard }));
      await expectFailure(folder, 'checkpoint_invalid', 'not the name of a safetensors file');
    },
  );

  test('tensors in the wrapper of PEFT', async () => {
    const folder = await shapesVlmCopy();
    const { entries, data } = await readSafetensors(folder);
    const wrapped = Object.fromEntries(
      Object.entries(entries).map(([name, entry]) => [`base_model.model.${name}`, entry]),
    );
    await writeFile(join(folder, 'model.safetensors'), safetensorsBytes(JSON.stringify(wrapped), data));
    await expectFailure(folder, 'tensor_unclaimed', /begin with "base_model\.model\.".*merge_and_unload\(\)/);
  });

  test('an adapter without its model', async () => {
    const folder = await shapesVlmCopy();
    await rename(join(folder, 'model.safetensors'), join(folder, 'adapter_model.safetensors'));
    await expectFailure(folder, 'shard_missing', /holds an adapter .*merge_and_unload\(\)/);
  });

  test('no weights at all', async () => {
    const folder = await shapesVlmCopy();
    await rm(join(folder, 'model.safetensors'));
    await expectFailure(folder, 'shard_missing', 'no model*.safetensors');
  });
});

describe('a broken configuration or tokenizer is refused', () => {
  test.each<[string, ErrorCode, RegExp]>([
    ['config.json', 'checkpoint_invalid', /config\.json/],
    ['preprocessor_config.json', 'checkpoint_invalid', /image_mean/],
  ])('%s missing', async (file, code, naming) => {
    const folder = await shapesVlmCopy();
    await rm(join(folder, file));
    await expectFailure(folder, code, naming);
  });

  test('tokenizer.model and tokenizer.json missing', async () => {
    const folder = await shapesVlmCopy();
    for (const file of ['tokenizer.model', 'tokenizer.json']) await rm(join(folder, file));
    await expectFailure(folder, 'tokenizer_unsupported', /neither tokenizer\.model nor tokenizer\.json/);
  });

  test('tokenizer.model missing, and a tokenizer.json of another kind', async () => {
    const folder = await shapesVlmCopy();
    await rm(join(folder, 'tokenizer.model'));
    await changeJson(folder, 'tokenizer.json', (json) => ({
      ...json,
      model: { ...(json.model as object), byte_fallback: false },
    }));
    await expectFailure(folder, 'tokenizer_unsupported', /not a SentencePiece vocabulary/);
  });

  test.each(['config.json', 'tokenizer.json', 'tokenizer_config.json', 'generation_config.json', 'added_tokens.json'])(
    '%s cut short',
    async (file) => {
      const folder = await shapesVlmCopy();
      await writeFile(join(folder, file), (await readFile(join(folder, file), 'utf8')).slice(0, -5));
      await expectFailure(folder, 'checkpoint_invalid', file);
    },
  );

  test('a folder that does not exist, and a file in its place', async () => {
    const folder = await shapesVlmCopy();
    await expectFailure(join(folder, 'nowhere'), 'checkpoint_invalid', /The folder .*nowhere does not exist\.$/);
    await expectFailure(join(folder, 'config.json'), 'checkpoint_invalid', /config\.json is not a folder\.$/);
  });

  test('tokenizer.model cut short', async () => {
    const folder = await shapesVlmCopy();
    await truncate(join(folder, 'tokenizer.model'), 10_001);
    await expectFailure(folder, 'checkpoint_invalid', 'not a valid SentencePiece model');
  });

  test.each<[string, object, RegExp]>([
    ['hidden_size', { hidden_size: 'wide' }, /text_config cannot be converted\. hidden_size/],
    ['num_hidden_layers', { num_hidden_layers: 4_000_000_000 }, /num_hidden_layers/],
    ['rope_scaling', { rope_scaling: { rope_type: 'ntk', factor: 2 } }, /rope_type/],
    ['YaRN', { rope_scaling: { rope_type: 'yarn', factor: 2 } }, /original_max_position_embeddings: YaRN needs it/],
    ['attn_logit_softcapping', { attn_logit_softcapping: 50 }, /soft-capped/],
  ])('a wrong %s', async (_, change, naming) => {
    const folder = await shapesVlmCopy();
    await changeJson(folder, 'config.json', (config) => ({
      ...config,
      text_config: { ...(config.text_config as object), ...change },
    }));
    await expectFailure(folder, 'checkpoint_invalid', naming);
  });

  const mlx = { group_size: 64, bits: 4, mode: 'affine' };
  test.each<[object, string, boolean]>([
    [{ quantization_config: { quant_method: 'gptq', bits: 4 } }, '(GPTQ, 4 bits)', true],
    [{ quantization_config: { quant_method: 'awq', bits: 4, group_size: 128 } }, '(AWQ, 4 bits)', false],
    [{ quantization_config: { quant_method: 'bitsandbytes', load_in_4bit: true } }, '(bitsandbytes, 4 bits)', false],
    [{ quantization_config: { quant_method: 'novel' } }, '("novel")', true],
    [{ quantization: mlx }, '(MLX, 4 bits, groups of 64)', false],
    [{ quantization: mlx, quantization_config: mlx }, '(MLX, 4 bits, groups of 64)', false],
  ])('a checkpoint that is quantized already: %j', async (settings, how, isKnownElsewhere) => {
    const folder = await shapesVlmCopy();
    await changeJson(folder, 'config.json', (config) => ({ ...config, ...settings }));
    await expectFailure(folder, 'checkpoint_invalid', `already quantized ${how}. Convert the original`);
    const error: unknown = await planConversion({ sourceDir: folder, outtype: 'auto' }).catch(
      (reason: unknown) => reason,
    );
    expect(String(error).includes('--converter llama.cpp')).toBe(isKnownElsewhere);
  });

  test.each<[unknown, RegExp]>([
    [
      ['Gemma2ForCausalLM'],
      /nearest: Gemma3ForCausalLM, Gemma4ForCausalLM, Gemma3ForConditionalGeneration\.\nSupported with vision: .*Gemma3For.*\nText only: .*Gemma3For/,
    ],
    [['NovelForConditionalGeneration'], /"NovelForConditionalGeneration" cannot be converted\.\nSupported/],
    [['T5Model'], /"T5Model" cannot be converted\.\nSupported/],
    [['__proto__'], /"__proto__" cannot be converted/],
    [undefined, /names no architecture/],
  ])('the architectures %j', async (architectures, naming) => {
    const folder = await shapesVlmCopy();
    await changeJson(folder, 'config.json', (config) => ({ ...config, architectures }));
    await expectFailure(folder, 'architecture_unsupported', naming);
  });
});

describe('what the disk refuses', () => {
  test('more than it has room for, found out before anything is written', async () => {
    const folder = await shapesVlmCopy();
    const width = 2_000_000_000; // 6.4 TB of embeddings, in a file that takes no room
    await changeJson(folder, 'config.json', (config) => ({
      ...config,
      text_config: {
        vocab_size: 1600,
        hidden_size: width,
        intermediate_size: 1,
        num_hidden_layers: 1,
        num_attention_heads: 1,
        num_key_value_heads: 1,
        head_dim: 1,
      },
    }));
    const sizes = { vocabulary: 1600, width, inner: 1, layers: 1, heads: 1, headsKv: 1, headDim: 1 };
    const vision = { width: 96, inner: 256, layers: 3, patchSize: 14, patches: 64 };
    const shapes = new Map([...textShapes(sizes, 'language_model.'), ...visionShapes(vision, width)]);
    const header = safetensorsHeader(shapes, 'BF16');
    const elements = [...shapes.values()].map((shape) => shape.reduce((product, size) => product * size, 1));
    const path = join(folder, 'model.safetensors');
    await writeFile(path, header);
    await truncate(path, header.byteLength + 2 * elements.reduce((sum, count) => sum + count, 0));
    const destinationDir = await temporaryFolder();
    await expect(convert(folder, { destinationDir })).rejects.toMatchObject({
      code: 'disk_full',
      message: expect.stringContaining('Free some space'),
    });
    expect(await readdir(destinationDir)).toEqual([]);
  });

  test('a destination that is a file', async () => {
    const destination = join(await temporaryFolder(), 'file');
    await writeFile(destination, '');
    await expect(convert(await shapesVlmCopy(), { destinationDir: destination })).rejects.toMatchObject({
      code: 'invalid_setting',
    });
  });

  test('a destination where the second file cannot be put: then the first is not there either', async () => {
    const destinationDir = await temporaryFolder();
    await mkdir(join(destinationDir, 'mmproj.gguf'));
    await expect(convert(await shapesVlmCopy(), { destinationDir })).rejects.toMatchObject({ code: 'invalid_setting' });
    expect(await readdir(destinationDir)).toEqual(['mmproj.gguf']);
  });
});

test('an error keeps its class, code and cause on the way from the planning thread, and nothing is created', async () => {
  const folder = await withWeights(({ data }) => safetensorsBytes('{"a":', data));
  const destinationDir = join(await temporaryFolder(), 'models', 'shapes');
  const error: unknown = await convert(folder, { destinationDir }).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(VserveError);
  expect(error).toMatchObject({ code: 'safetensors_invalid', cause: expect.stringContaining('JSON') });
  await expect(readdir(destinationDir)).rejects.toMatchObject({ code: 'ENOENT' });
});

test.each(['config.json', 'tokenizer.json', 'model.safetensors'])(
  'a %s that Git LFS has not fetched is told as one',
  async (name) => {
    const folder = await shapesVlmCopy();
    const pointer = 'version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n';
    await writeFile(join(folder, name), pointer);
    const code = name.endsWith('.json') ? 'checkpoint_invalid' : 'safetensors_invalid';
    await expectFailure(folder, code, new RegExp(`${name}.* git lfs pull`));
  },
);

test.skipIf(process.platform === 'win32').each(['config.json', 'model.safetensors'])(
  'a pipe for a %s is refused, and not waited for',
  async (name) => {
    const folder = await shapesVlmCopy();
    await rm(join(folder, name));
    execFileSync('mkfifo', [join(folder, name)]);
    await expectFailure(folder, name.endsWith('.json') ? 'checkpoint_invalid' : 'safetensors_invalid', /regular file/);
  },
);
