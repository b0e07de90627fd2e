import { mkdir, truncate, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { prepareModel } from '../../src/store/index.ts';
import type { PrepareModelOptions } from '../../src/store/index.ts';
import { ggufHeader, modelHeader, projectorHeader } from '../support/gguf-header.ts';
import { checkpoint, fakeBackend, fakeConverter, gguf, preparation, temporaryFolder } from './store-folder.ts';

let folder: string;
let home: string;
beforeEach(async () => {
  folder = await temporaryFolder();
  home = join(folder, 'home');
});

function prepare(model: string, overrides: Partial<PrepareModelOptions> = {}) {
  return prepareModel(preparation(home, model, overrides));
}

describe('a .gguf file', () => {
  test('with the projector that is given', async () => {
    const model = await gguf(folder, 'gemma.gguf');
    await gguf(folder, 'mmproj-other.gguf');
    const mmproj = await gguf(folder, 'projector.gguf');
    expect(await prepare(model, { mmproj })).toMatchObject({ modelPath: model, mmprojPath: mmproj, name: model });
  });

  test('with the only projector beside it', async () => {
    const model = await gguf(folder, 'gemma.gguf');
    const mmproj = await gguf(folder, 'mmproj-gemma-f16.gguf');
    const given = relative('.', model);
    expect(await prepare(given)).toMatchObject({ modelPath: model, mmprojPath: mmproj, name: given });
  });

  test('with several types of its projector beside it takes the best', async () => {
    const model = await gguf(folder, 'gemma.gguf');
    for (const type of ['BF16', 'F16', 'F32', 'Q8_0']) await gguf(folder, `mmproj-${type}.gguf`);
    expect(await prepare(model)).toMatchObject({ mmprojPath: join(folder, 'mmproj-F16.gguf') });
    expect(await prepare(model, { mmprojOuttype: 'q8_0' })).toMatchObject({
      mmprojPath: join(folder, 'mmproj-Q8_0.gguf'),
    });
  });

  test.each([
    ['X.Q4_K_M.gguf', 'X.mmproj-f16.gguf'],
    ['gemma-4-26B-A4B-it-UD-Q4_K_XL.gguf', 'gemma-4-26B-A4B-it.mmproj-q8_0.gguf'],
    ['moondream2-text-model-f16.gguf', 'moondream2-mmproj-f16-20250414.gguf'],
  ])('%s with %s beside it', async (modelName, projectorName) => {
    const modelPath = await gguf(folder, modelName);
    const mmprojPath = await gguf(folder, projectorName);
    expect(await prepare(modelPath)).toMatchObject({ mmprojPath });
    expect(await prepare(folder)).toMatchObject({ modelPath, mmprojPath });
  });

  test('of one type in a folder of its own, with the projector above it', async () => {
    await mkdir(join(folder, 'UD-Q4_K_XL'));
    const modelPath = await gguf(join(folder, 'UD-Q4_K_XL'), 'gemma-UD-Q4_K_XL.gguf');
    const mmprojPath = await gguf(folder, 'mmproj-F16.gguf');
    expect(await prepare(modelPath)).toMatchObject({ mmprojPath });
    expect(await prepare(folder)).toMatchObject({ modelPath, mmprojPath });
  });

  test('with projectors of two models beside it asks which', async () => {
    const model = await gguf(folder, 'gamma.gguf');
    await gguf(folder, 'mmproj-alpha.gguf', projectorHeader(8));
    await gguf(folder, 'mmproj-beta.gguf', projectorHeader(8));
    await writeFile(model, modelHeader('gemma3', 8));
    await expect(prepare(model)).rejects.toMatchObject({
      code: 'invalid_setting',
      message: expect.stringMatching(/mmproj-alpha\.gguf, mmproj-beta\.gguf\. Choose one with --mmproj/),
    });
  });

  test("with another model's projector beside it is text only, with a warning", async () => {
    const model = await gguf(folder, 'Qwen3.5-9B-Q4_K_M.gguf', modelHeader('qwen35', 4096));
    await gguf(folder, 'gemma-4-26B-A4B-it.mmproj-q8_0.gguf', projectorHeader(2816));
    const options = preparation(home, model);
    expect(await prepareModel(options)).toMatchObject({ mmprojPath: undefined });
    expect(options.lines[0]).toMatch(/^warning: gemma-4-26B-A4B-it\.mmproj-q8_0\.gguf belongs to another model/);
  });

  test('with a projector beside it that only its header tells', async () => {
    const modelPath = await gguf(folder, 'gemma.gguf', modelHeader('gemma3'));
    const mmprojPath = await gguf(folder, 'vision-tower.gguf', projectorHeader(2560));
    expect(await prepare(modelPath)).toMatchObject({ mmprojPath });
    expect(await prepare(folder)).toMatchObject({ modelPath, mmprojPath });
  });

  const others: readonly [string, Uint8Array, RegExp][] = [
    ['a projector', projectorHeader(8), /is a vision projector\. Give it to --mmproj, and the model to --model\./],
    [
      'an importance matrix',
      ggufHeader({ 'general.type': 'imatrix' }),
      /is an importance matrix, .* Give --model a model/,
    ],
    ['an adapter', ggufHeader({ 'general.type': 'adapter' }), /is a LoRA adapter/],
    ['a drafter', ggufHeader({ 'general.architecture': 'eagle3' }), /is a draft model/],
  ];
  test.each(others)('that is %s is refused as that', async (_, header, message) => {
    const path = await gguf(folder, 'x-Q8_0.gguf', header);
    await expect(prepare(path)).rejects.toMatchObject({
      code: 'model_unavailable',
      message: expect.stringMatching(message),
    });
  });

  test('without a projector is text only, and says so', async () => {
    const model = await gguf(folder, 'gemma.gguf');
    const options = preparation(home, model);
    expect(await prepareModel(options)).toMatchObject({ mmprojPath: undefined });
    expect(options.lines).toEqual([
      expect.stringMatching(/^info: No projector \(mmproj\) beside .*gemma\.gguf: serving text only/),
    ]);
  });

  test('that is split, given by its first part', async () => {
    const model = await gguf(folder, 'big-00001-of-00002.gguf');
    await gguf(folder, 'big-00002-of-00002.gguf');
    expect(await prepare(model)).toMatchObject({ modelPath: model });
    expect(await prepare(folder)).toMatchObject({ modelPath: model });
  });
});

describe('a folder', () => {
  test('with one GGUF model and its projector', async () => {
    const modelPath = await gguf(folder, 'gemma.gguf');
    const mmprojPath = await gguf(folder, 'mmproj.gguf');
    await writeFile(join(folder, 'config.json'), '{}');
    expect(await prepare(folder)).toMatchObject({ modelPath, mmprojPath, name: folder });
  });

  test('with weights and a GGUF model is a checkpoint, and says so', async () => {
    const source = await checkpoint(folder);
    await gguf(source, 'gemma.gguf');
    const converter = fakeConverter();
    const options = preparation(home, source, { loadConverter: async () => converter });
    await prepareModel(options);
    expect(converter.conversions).toEqual(['f16']);
    expect(options.lines).toContainEqual(expect.stringMatching(/also holds gemma\.gguf: to serve it instead/));
    const modelPath = await gguf(source, 'gemma-IQ4_XS.gguf');
    expect(await prepare(source, { precision: 'iq4_xs' })).toMatchObject({ modelPath });
  });

  test('with several GGUF models asks which', async () => {
    await gguf(folder, 'a.gguf');
    await gguf(folder, 'b.gguf');
    await expect(prepare(folder)).rejects.toThrow(
      /several GGUF models\. Give --model the path of one:\n {2}a\.gguf .*\n {2}b\.gguf/,
    );
  });
});

function withMemory(freeBytes: number): Partial<PrepareModelOptions> {
  const backend = fakeBackend({ deviceMemory: async () => ({ device: 'cpu', freeBytes }) });
  return { backend: { load: async () => backend, devices: 'cpu' } };
}

describe('a folder with several types of one model', () => {
  beforeEach(async () => {
    for (const type of ['Q4_0', 'IQ4_XS', 'Q8_0']) await gguf(folder, `gemma-${type}.gguf`);
    await gguf(folder, 'imatrix_unsloth.gguf', ggufHeader({ 'general.type': 'imatrix' }));
    await truncate(join(folder, 'gemma-Q8_0.gguf'), 1000);
  });

  test('takes the one asked for', async () => {
    const asked = { precision: 'iq4_xs' };
    expect(await prepare(folder, asked)).toMatchObject({ modelPath: join(folder, 'gemma-IQ4_XS.gguf') });
    await expect(prepare(folder, { precision: 'q6_k' })).rejects.toThrow(
      /has no GGUF model of type q6_k\. Give --model/,
    );
  });

  test('takes the best that fits the memory', async () => {
    expect(await prepare(folder, withMemory(2000))).toMatchObject({ modelPath: join(folder, 'gemma-Q8_0.gguf') });
    expect((await prepare(folder, withMemory(500))).modelPath).not.toBe(join(folder, 'gemma-Q8_0.gguf'));
  });
});

describe('a folder that is no checkpoint of transformers', () => {
  test('a checkpoint for MLX is refused as that', async () => {
    const source = await checkpoint(folder);
    await writeFile(join(source, 'config.json'), '{"quantization":{"group_size":64,"bits":8}}');
    await writeFile(join(source, 'README.md'), '---\nbase_model: google/gemma-3-4b-it\n---');
    await expect(prepare(source)).rejects.toThrow(
      /tiny is a checkpoint for Apple's MLX, quantized to 8 bits .*: google\//,
    );
  });
});

test('an existing path wins over an id', async () => {
  await expect(prepare('test/store')).rejects.toThrow(/test\/store holds no model/);
});

const unavailable: readonly [string, string, RegExp][] = [
  ['a missing file', './nowhere/model.gguf', /"\.\/nowhere\/model\.gguf" does not exist \(looked at \/.*nowhere/],
  ['a missing file with no dot before it', 'model.gguf', /does not exist/],
  ['a missing folder', '/nowhere/at/all', /does not exist/],
  ['a missing folder in Windows notation', 'C:\\models\\x', /does not exist/],
  ['an id that leaves the store', 'org/..', /neither an existing path nor a Hugging Face id/],
  ['an id with two dots', 'org/a..b', /neither an existing path nor a Hugging Face id/],
  ['an id that climbs', 'org/../../etc', /does not exist/],
  ['an id with a space', 'org/my model', /An id has the form org\/name/],
  ['a name with no owner', 'gemma', /An id has the form org\/name/],
  ['control characters', 'org/na\u0000me', /^The model "org\/na\\u0000me" .*control characters/],
  ['an escape sequence', 'org/\u001B[31mname', /control characters/],
  ['nothing', '', /it is empty/],
  ['a name of ten thousand letters', 'x'.repeat(10_000), /nor a Hugging Face id/],
  ['a file that is no model', 'package.json', /"package\.json" is not a \.gguf file/],
  ['a folder that is no model', 'src', /holds no model: neither a \.gguf file nor a Hugging Face checkpoint/],
];
test.each(unavailable)('refuses %s', async (_, model, message) => {
  await expect(prepare(model)).rejects.toMatchObject({
    code: 'model_unavailable',
    message: expect.stringMatching(message),
  });
});

test('refuses a file that is GGUF by name only', async () => {
  const model = join(folder, 'model.gguf');
  await writeFile(model, 'PK');
  await expect(prepare(model)).rejects.toMatchObject({ code: 'gguf_invalid' });
});

test('refuses a projector that is missing', async () => {
  const model = await gguf(folder, 'model.gguf');
  const mmproj = join(folder, 'none.gguf');
  await expect(prepare(model, { mmproj })).rejects.toMatchObject({
    code: 'model_unavailable',
    message: expect.stringContaining(mmproj),
  });
});

test('refuses a later part of a split model, and one with parts missing', async () => {
  const first = await gguf(folder, 'big-00001-of-00003.gguf');
  const second = await gguf(folder, 'big-00002-of-00003.gguf');
  await expect(prepare(second)).rejects.toThrow(/is part 2 of a split model\. Give the first part/);
  await expect(prepare(first)).rejects.toMatchObject({
    code: 'shard_missing',
    message: expect.stringMatching(/missing: big-00003-of-00003\.gguf/),
  });
});

test('refuses options that would have no effect', async () => {
  const model = await gguf(folder, 'model.gguf');
  const source = await checkpoint(folder);
  await expect(prepare(model, { precision: 'q8_0' })).rejects.toThrow(
    /--quantization-encoding converts a checkpoint or selects one of several GGUF files;/,
  );
  const both = { mmproj: model, mmprojOuttype: 'f16' } as const;
  await expect(prepare(model, both)).rejects.toThrow(
    /--mmproj and --mmproj-quantization-encoding both select a projector/,
  );
  await expect(prepare(source, { precision: 'iq4_xs' })).rejects.toThrow(
    /A checkpoint cannot be converted to iq4_xs, .* takes auto, f32, bf16, f16, q8_0/,
  );
  await expect(prepare(source, { mmproj: model })).rejects.toThrow(/--mmproj is for a \.gguf model/);
});
