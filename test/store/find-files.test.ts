import { writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { prepareModel } from '../../src/store/index.ts';
import type { PrepareModelOptions } from '../../src/store/index.ts';
import { checkpoint, fakeConverter, gguf, preparation, temporaryFolder } from './store-folder.ts';

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

  test('with several projectors beside it asks which', async () => {
    const model = await gguf(folder, 'gemma.gguf');
    await gguf(folder, 'mmproj-f16.gguf');
    await gguf(folder, 'mmproj-f32.gguf');
    await expect(prepare(model)).rejects.toMatchObject({
      code: 'invalid_setting',
      message: expect.stringMatching(/mmproj-f16\.gguf, mmproj-f32\.gguf\. Choose one with --mmproj/),
    });
  });

  test('without a projector is text only, and says so', async () => {
    const model = await gguf(folder, 'gemma.gguf');
    const options = preparation(home, model);
    expect(await prepareModel(options)).toMatchObject({ mmprojPath: undefined });
    expect(options.lines).toEqual([expect.stringMatching(/^info: No mmproj\*\.gguf beside .*serving text only/)]);
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
    expect(options.lines).toContainEqual(expect.stringMatching(/also holds gemma\.gguf: to serve that instead/));
  });

  test('with several GGUF models asks which', async () => {
    await gguf(folder, 'a.gguf');
    await gguf(folder, 'b.gguf');
    await expect(prepare(folder)).rejects.toThrow(/several GGUF models: a\.gguf, b\.gguf\. Give --model/);
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
  ['an id that leaves the store', 'org/..', /no existing path and no Hugging Face id/],
  ['an id with two dots', 'org/a..b', /no existing path and no Hugging Face id/],
  ['an id that climbs', 'org/../../etc', /does not exist/],
  ['an id with a space', 'org/my model', /An id has the form org\/name/],
  ['a name with no owner', 'gemma', /An id has the form org\/name/],
  ['control characters', 'org/na\u0000me', /^The model "org\/na\\u0000me" .*control characters/],
  ['an escape sequence', 'org/\u001B[31mname', /control characters/],
  ['nothing', '', /it is empty/],
  ['a name of ten thousand letters', 'x'.repeat(10_000), /no Hugging Face id/],
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
  await expect(prepare(second)).rejects.toThrow(/is part 2 of a model\. Give the first part/);
  await expect(prepare(first)).rejects.toMatchObject({
    code: 'shard_missing',
    message: expect.stringMatching(/missing: big-00003-of-00003\.gguf/),
  });
});

test('refuses options that would have no effect', async () => {
  const model = await gguf(folder, 'model.gguf');
  const source = await checkpoint(folder);
  await expect(prepare(model, { precision: 'q8_0' })).rejects.toThrow(/--quantization-encoding is for the conversion/);
  await expect(prepare(source, { mmproj: model })).rejects.toThrow(/--mmproj is for a \.gguf model/);
});
