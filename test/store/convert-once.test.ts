import { createHash } from 'node:crypto';
import { appendFile, mkdir, readdir, readFile, rm, truncate, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { prepareModel } from '../../src/store/index.ts';
import type { PrepareModelOptions } from '../../src/store/index.ts';
import { checkpoint, description, fakeConverter, preparation, temporaryFolder } from './store-folder.ts';
import type { FakeConverter } from './store-folder.ts';

let home: string;
let source: string;
let converter: FakeConverter;
beforeEach(async () => {
  const folder = await temporaryFolder();
  home = join(folder, 'home');
  source = await checkpoint(folder);
  converter = fakeConverter();
});

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

async function prepare(overrides: Partial<PrepareModelOptions> = {}) {
  const { release, ...files } = await prepareModel(
    preparation(home, source, { loadConverter: async () => converter, ...overrides }),
  );
  await release();
  return files;
}

test('a checkpoint is converted into the store, once', async () => {
  const first = await prepare();
  expect(await readFile(first.modelPath, 'utf8')).toBe('GGUF and so onf16');
  expect(dirname(first.modelPath)).toMatch(/home\/converted\/tiny-f16-[0-9a-f]{16}$/);
  expect(first).toMatchObject({ name: source, mmprojPath: join(dirname(first.modelPath), 'mmproj.gguf') });
  expect(await prepare()).toEqual(first);
  expect(converter.conversions).toEqual(['f16']);
});

test('two that ask at the same time in one process share one conversion', async () => {
  const [first, second] = await Promise.all([prepare(), prepare()]);
  expect(second).toEqual(first);
  expect(converter.conversions).toHaveLength(1);
});

test('the manifest says what the files were made from', async () => {
  const { modelPath } = await prepare();
  expect(JSON.parse(await readFile(join(dirname(modelPath), 'manifest.json'), 'utf8'))).toMatchObject({
    source: {
      path: source,
      files: [
        { name: 'config.json', bytes: 26, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
        { name: 'model.safetensors', bytes: 3 * 1024 * 1024, mtimeMs: expect.any(Number) },
      ],
    },
    settings: { converterVersion: '1', precision: 'f16' },
    description,
    outputs: {
      model: { file: 'model.gguf', bytes: 17, sha256: sha256('GGUF and so onf16') },
      mmproj: { file: 'mmproj.gguf', bytes: 14, sha256: sha256('GGUF and so on') },
    },
  });
});

describe('a new conversion is made', () => {
  const long = new Date('2001-01-01');
  const reasons: readonly [string, () => Promise<unknown>][] = [
    ['the configuration changed', () => writeFile(join(source, 'config.json'), '{"architectures":["Tony"]}')],
    ['a file was added', () => writeFile(join(source, 'tokenizer.json'), '{}')],
    ['the weights grew', () => appendFile(join(source, 'model.safetensors'), 'x')],
    ['the weights were written again', () => utimes(join(source, 'model.safetensors'), long, long)],
    ['the converter is another', async () => (converter.converterVersion = '2')],
  ];
  test.each(reasons)('when %s', async (_, change) => {
    const first = await prepare();
    await change();
    const second = await prepare();
    expect(second.modelPath).not.toBe(first.modelPath);
    expect(converter.conversions).toHaveLength(2);
  });

  test('when another type is asked for, beside the first', async () => {
    const first = await prepare();
    const second = await prepare({ precision: 'q8_0' });
    expect(await readFile(second.modelPath, 'utf8')).toBe('GGUF and so onq8_0');
    expect(await prepare()).toEqual(first);
    expect(converter.conversions).toEqual(['f16', 'q8_0']);
  });

  const damages: readonly [string, (folder: string) => Promise<unknown>][] = [
    ['the model is gone', (folder) => rm(join(folder, 'model.gguf'))],
    ['the projector was cut', (folder) => truncate(join(folder, 'mmproj.gguf'), 3)],
    ['the manifest is gone', (folder) => rm(join(folder, 'manifest.json'))],
    ['the manifest is nonsense', (folder) => writeFile(join(folder, 'manifest.json'), '{"outputs":')],
    ['the manifest is of another kind', (folder) => writeFile(join(folder, 'manifest.json'), '{"formatVersion":3}')],
  ];
  test.each(damages)('when %s', async (_, damage) => {
    const first = await prepare();
    await damage(dirname(first.modelPath));
    const options = preparation(home, source, { loadConverter: async () => converter });
    expect(await prepareModel(options)).toMatchObject(first);
    expect(await readFile(first.modelPath, 'utf8')).toBe('GGUF and so onf16');
    expect(options.lines).toContainEqual(expect.stringMatching(/^warning: .* is damaged: converting/));
    expect(converter.conversions).toHaveLength(2);
  });
});

describe('no new conversion is made', () => {
  test('when a file changed that the conversion does not read', async () => {
    await prepare();
    await writeFile(join(source, 'README.md'), 'About this model');
    await prepare();
    expect(converter.conversions).toHaveLength(1);
  });

  test('when a small file was touched', async () => {
    await prepare();
    await utimes(join(source, 'config.json'), new Date(), new Date('2001-01-01'));
    await prepare();
    expect(converter.conversions).toHaveLength(1);
  });
});

async function expectNothingLeft() {
  expect(await readdir(join(home, 'converting'))).toEqual([]);
  expect(await readdir(join(home, 'locks'))).toEqual([]);
  await expect(readdir(join(home, 'converted'))).rejects.toThrow(/ENOENT/);
  expect(await prepare({ loadConverter: async () => fakeConverter() })).toMatchObject({ name: source });
}

describe('when a conversion fails, nothing of it stays', () => {
  test.runIf(process.platform === 'linux')('a full disk says so and what to do', async () => {
    converter = fakeConverter({
      async convertCheckpoint({ destinationDir }) {
        await writeFile(join(destinationDir, 'model.gguf'), 'half');
        await writeFile('/dev/full', 'the other half');
        throw new Error('the disk was not full');
      },
    });
    await expect(prepare()).rejects.toMatchObject({
      code: 'disk_full',
      message: expect.stringMatching(
        /^The disk is full: ENOSPC.*\nFree some space for .*home, or else: Set VSERVE_HOME/,
      ),
    });
    await expectNothingLeft();
  });

  test('an abort', async () => {
    const controller = new AbortController();
    converter = fakeConverter({
      async convertCheckpoint({ destinationDir, signal }) {
        await writeFile(join(destinationDir, 'model.gguf'), 'half');
        controller.abort(new Error('stopped by hand'));
        signal.throwIfAborted();
        throw new Error('the signal did not arrive');
      },
    });
    await expect(prepare({ signal: controller.signal })).rejects.toThrow('stopped by hand');
    await expectNothingLeft();
  });

  test('a checkpoint that changes meanwhile', async () => {
    const real = fakeConverter();
    converter = fakeConverter({
      async convertCheckpoint(conversion) {
        await appendFile(join(source, 'config.json'), ' ');
        return real.convertCheckpoint(conversion);
      },
    });
    await expect(prepare()).rejects.toMatchObject({
      code: 'checkpoint_invalid',
      message: expect.stringMatching(/changed during the conversion/),
    });
    await expectNothingLeft();
  });
});

test('a store that cannot be written says which setting to change', async () => {
  home = join(source, 'config.json', 'home');
  await expect(prepare()).rejects.toMatchObject({
    code: 'invalid_setting',
    message: expect.stringMatching(/^The folder .*home.* cannot be read: .*\nSet VSERVE_HOME/),
  });
});

test('a checkpoint with a file missing says which', async () => {
  converter = fakeConverter({ checkpointFiles: async () => ['config.json', 'model-00002-of-00002.safetensors'] });
  await expect(prepare()).rejects.toMatchObject({
    code: 'model_unavailable',
    message: expect.stringMatching(
      /^The file .*model-00002-of-00002\.safetensors of the model cannot be read: no such file/,
    ),
  });
});

test('what earlier conversions of other models left behind is removed', async () => {
  await mkdir(join(home, 'converting', '0123456789abcdef.gone'), { recursive: true });
  await prepare();
  expect(await readdir(join(home, 'converting'))).toEqual([]);
});
