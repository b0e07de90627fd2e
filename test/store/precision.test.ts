import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Backend } from '../../src/backend/index.ts';
import { VserveError } from '../../src/errors/index.ts';
import { choosePrecision, prepareModel } from '../../src/store/index.ts';
import type { PrepareModelOptions } from '../../src/store/index.ts';
import { checkpoint, description, fakeBackend, fakeConverter, preparation, temporaryFolder } from './store-folder.ts';

let home: string;
let source: string;
beforeEach(async () => {
  const folder = await temporaryFolder();
  home = join(folder, 'home');
  source = await checkpoint(folder);
});

function memory(freeBytes: number) {
  return { device: 'cpu', freeBytes };
}

describe('auto', () => {
  // In f16 the model takes 6000 bytes, its mmproj 1000, its context of 10 tokens 1000; nine tenths may be used.
  const choices: readonly [number, string, RegExp][] = [
    [10_000, 'f16', /^f16: 7\.0 kB of weights and a context of 10 tokens fit in 10\.0 kB free \(cpu\)$/],
    [8_888, 'q8_0', /^q8_0: 4\.0 kB of weights .* fit in 8\.9 kB free \(cpu\); f16 has 7\.0 kB$/],
    [5_100, 'q6_k', /^q6_k: .*fit in 5\.1 kB/],
    [4_500, 'q4_0', /^q4_0: .*fit in 4\.5 kB/],
    [4_400, 'q4_0', /^q4_0: 3\.0 kB of weights .* do not fit in 4\.4 kB free \(cpu\) either$/],
  ];
  test.each(choices)('with %d bytes free is %s', (freeBytes, precision, reason) => {
    const choice = choosePrecision(description, memory(freeBytes));
    expect(choice).toMatchObject({ precision, fits: freeBytes > 4_400, reason: expect.stringMatching(reason) });
  });

  test("is the checkpoint's own where the memory is not known", () => {
    expect(choosePrecision(description, undefined)).toMatchObject({ precision: 'f16' });
  });
});

function prepare(overrides: Partial<PrepareModelOptions> = {}) {
  const converter = fakeConverter();
  const options = preparation(home, source, { loadConverter: async () => converter, ...overrides });
  return { converter, lines: options.lines, model: prepareModel(options) };
}

function on(backend: ReturnType<typeof fakeBackend>): PrepareModelOptions['backend'] {
  return { load: async () => backend, devices: 'gpu:0' };
}

test('a checkpoint is made as small as the memory of the chosen devices demands, and the log says why', async () => {
  const asked: string[] = [];
  const backend = fakeBackend({
    deviceMemory: async (devices) => {
      asked.push(devices);
      return memory(5_100);
    },
  });
  const { model, lines } = prepare({ backend: on(backend) });
  const { modelPath, mmprojPath } = await model;
  expect(asked).toEqual(['gpu:0']);
  expect(await readFile(modelPath, 'utf8')).toBe('GGUF and so onauto q6_k');
  expect(await readFile(mmprojPath ?? '', 'utf8')).toBe('GGUF and so on');
  expect((await readdir(dirname(modelPath))).toSorted()).toEqual(['manifest.json', 'mmproj.gguf', 'model.gguf']);
  expect(lines).toEqual([expect.stringMatching(/^info: Precision q6_k: .* fit in 5\.1 kB free/)]);
});

test('an unknown quantizer is not asked for what it cannot make', async () => {
  const backend: Backend = {
    name: 'other',
    specificationVersion: 1,
    load: () => Promise.reject(new Error('no model was to be loaded')),
    deviceMemory: async () => memory(100),
  };
  const { model, converter } = prepare({ backend: on(backend) });
  await model;
  expect(converter.conversions).toEqual(['q8_0']);

  await expect(prepare({ backend: on(backend), precision: 'q4_k_m' }).model).rejects.toMatchObject({
    code: 'unsupported_capability',
    message: expect.stringMatching(/cannot quantize to q4_k_m\. Choose another --quantization-encoding/),
  });
});

test('the mmproj keeps its own precision beside quantized weights, unless another is asked for', async () => {
  const types: string[][] = [];
  const real = fakeConverter();
  const converter = fakeConverter({
    convertCheckpoint: async (conversion) => {
      types.push([conversion.outtype, conversion.mmprojOuttype]);
      return real.convertCheckpoint(conversion);
    },
  });
  for (const precision of ['q4_0', 'q8_0', 'f32'] as const) {
    await prepare({ precision, loadConverter: async () => converter }).model;
  }
  await prepare({ precision: 'q4_0', mmprojOuttype: 'q8_0', loadConverter: async () => converter }).model;
  expect(types).toEqual([
    ['auto', 'auto'],
    ['q8_0', 'auto'],
    ['f32', 'f32'],
    ['auto', 'q8_0'],
  ]);
});

test('q4_k is short for q4_k_m', async () => {
  const { modelPath } = await prepare({ precision: 'q4_k' }).model;
  expect(await readFile(modelPath, 'utf8')).toMatch(/ q4_k_m$/);
});

test('another release of the quantizer makes a quantized model again, and no other', async () => {
  const quantizer = fakeBackend().quantizer;
  if (quantizer === undefined) throw new Error('the fake backend has no quantizer');
  const older = fakeBackend();
  const newer = fakeBackend({ quantizer: { ...quantizer, version: '2' } });
  const paths = [];
  for (const precision of ['q4_0', 'f16'] as const) {
    for (const backend of [older, older, newer]) {
      paths.push((await prepare({ precision, backend: on(backend) }).model).modelPath);
    }
  }
  const [small, smallAgain, smallByNewer, own, ownAgain, ownByNewer] = paths;
  expect(smallAgain).toBe(small);
  expect(smallByNewer).not.toBe(small);
  expect([ownAgain, ownByNewer]).toEqual([own, own]);
});

test('a checkpoint that was converted before is not read again to choose a precision', async () => {
  await prepare().model;
  const converter = fakeConverter({ describeCheckpoint: () => Promise.reject(new Error('it was read again')) });
  await prepare({ loadConverter: async () => converter, precision: 'q8_0' }).model;
  expect(converter.conversions).toEqual(['q8_0']);
});

test('why a quantizer failed is said of the checkpoint, which may have weights that are at fault', async () => {
  const backend = fakeBackend({
    quantizer: {
      version: '1',
      quantize: async ({ sourcePath }) => {
        throw new VserveError('quantization_failed', `${sourcePath} could not be quantized: it is odd.`);
      },
    },
  });
  const asked = { precision: 'q4_k_m', backend: on(backend) } as const;
  await expect(prepare(asked).model).rejects.toMatchObject({
    code: 'quantization_failed',
    message: `${source} could not be quantized: it is odd.`,
  });
  const converter = fakeConverter({ findNonFinite: async (_, inHalves) => [`a.weight (halves: ${inHalves})`] });
  await expect(prepare({ ...asked, loadConverter: async () => converter }).model).rejects.toMatchObject({
    code: 'tensor_invalid',
    message: expect.stringMatching(
      /tiny cannot be quantized to q4_k_m: .* a\.weight \(halves: true\)\.\nDownload .* a precision that keeps them: f16\.$/,
    ),
  });
});

test('a quantization that fails leaves nothing, and the next run makes the model', async () => {
  const backend = fakeBackend({
    quantizer: {
      version: '1',
      quantize: () => Promise.reject(new VserveError('disk_full', 'No space left on device')),
    },
  });
  await expect(prepare({ precision: 'q4_0', backend: on(backend) }).model).rejects.toMatchObject({ code: 'disk_full' });
  expect(await readdir(join(home, 'converting'))).toEqual([]);
  await expect(readdir(join(home, 'converted'))).rejects.toThrow(/ENOENT/);
  expect(await readFile((await prepare({ precision: 'q4_0' }).model).modelPath, 'utf8')).toMatch(/q4_0$/);
});
