import { cp, mkdtemp, open, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, inject, onTestFinished, test } from 'vitest';
import backend from '../../../backends/node-llama-cpp/index.ts';
import { quantizedTypes } from '../../../src/backend/index.ts';
import type { QuantizedType, QuantizeRequest } from '../../../src/backend/index.ts';
import * as converter from '../../../src/convert/index.ts';
import { describeCheckpoint, describeGguf } from '../../../src/convert/index.ts';
import { readHeader } from '../../../src/convert/safetensors/read-header.ts';
import { convertInto } from '../../../src/store/index.ts';
import { answer, loadShapes, referenceRequest } from '../../support/shapes-engine.ts';
import { referenceCase, shapesCheckpointDir } from '../../support/shapes.ts';

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'vserve-quantize-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}

async function quantize(type: QuantizedType, overrides: Partial<QuantizeRequest> = {}): Promise<string> {
  const { destinationPath = join(await temporaryFolder(), 'model.gguf'), ...others } = overrides;
  await backend.quantizer?.quantize({
    sourcePath: inject('shapesModelPath'),
    destinationPath,
    type,
    onProgress: () => undefined,
    signal: new AbortController().signal,
    ...others,
  });
  return destinationPath;
}

test('every type has the size that was promised before', async () => {
  const { sizes } = await describeCheckpoint(shapesCheckpointDir, new AbortController().signal);
  expect(sizes.map(({ precision }) => precision)).toEqual(['bf16', ...quantizedTypes]);
  for (const { precision, bytes } of sizes.slice(1)) {
    const written: number[] = [];
    const type = precision as QuantizedType;
    const path = await quantize(type, { onProgress: (bytesWritten) => written.push(bytesWritten) });
    expect(await describeGguf(path, undefined)).toMatchObject({ precision, sizes: [{ precision, bytes }] });
    expect(written.at(-1)).toBe(bytes);
  }
});

test('a quantized model still sees', async () => {
  const model = await loadShapes({}, { modelPath: await quantize('q6_k') });
  try {
    const asked = referenceCase('000');
    expect((await answer(model, await referenceRequest(asked))).text).toBe(asked.expected);
  } finally {
    await model.close();
  }
});

test('an abort ends it at once, and the process with it', async () => {
  const controller = new AbortController();
  const destinationPath = join(await temporaryFolder(), 'model.gguf');
  const onProgress = () => controller.abort(new Error('stopped by hand'));
  await expect(quantize('q4_0', { destinationPath, onProgress, signal: controller.signal })).rejects.toThrow(
    'stopped by hand',
  );
});

test.runIf(process.platform === 'linux')('a full disk says so', async () => {
  await expect(quantize('q4_0', { destinationPath: '/dev/full' })).rejects.toMatchObject({
    code: 'disk_full',
    message: expect.stringMatching(/No space left on device/),
  });
});

test('what is no model is refused with the reason of llama.cpp', async () => {
  const sourcePath = join(await temporaryFolder(), 'model.gguf');
  await writeFile(sourcePath, 'nonsense');
  await expect(quantize('q4_0', { sourcePath })).rejects.toMatchObject({
    code: 'quantization_failed',
    message: expect.stringMatching(/invalid magic/),
  });
});

test('a quantized model is refused: its precision is lost already', async () => {
  await expect(quantize('q4_0', { sourcePath: await quantize('q8_0') })).rejects.toMatchObject({
    code: 'quantization_failed',
    message: expect.stringMatching(/requantizing from type q8_0 is disabled/),
  });
});

/** Makes q4_k_m of the trained checkpoint with another weight in its place, the 300th of a matrix; `bits` are bfloat16. */
async function quantizeWith(bits: number): Promise<string[]> {
  const sourceDir = join(await temporaryFolder(), 'shapes-vlm');
  await cp(shapesCheckpointDir, sourceDir, { recursive: true });
  const [shard = ''] = (await readdir(sourceDir)).filter((name) => name.endsWith('.safetensors'));
  const spoilt = (await readHeader(join(sourceDir, shard))).find(({ name }) =>
    name.endsWith('layers.1.mlp.up_proj.weight'),
  );
  const file = await open(join(sourceDir, shard), 'r+');
  await file.write(new Uint8Array(Uint16Array.of(bits).buffer), 0, 2, (spoilt?.offset ?? 0) + 2 * 300);
  await file.close();
  return convertInto({
    sourceDir,
    destinationDir: join(await temporaryFolder(), 'converted'),
    precision: 'q4_k_m',
    mmprojOuttype: 'auto',
    converter,
    backend: { load: async () => backend, devices: 'cpu' },
    log: () => undefined,
    onProgress: () => undefined,
    signal: new AbortController().signal,
  });
}

test('a tensor that a type cannot hold is named', async () => {
  await expect(quantizeWith(0x7149)).rejects.toMatchObject({
    code: 'quantization_failed',
    message: expect.stringMatching(
      /shapes-vlm could not be quantized to q4_k_m: the tensor blk\.1\.ffn_up\.weight has weights too large/,
    ),
  });
});

test('weights without a value are named, with what to do', async () => {
  const made = quantizeWith(0x7fc0);
  await expect(made).rejects.toMatchObject({
    code: 'tensor_invalid',
    message: expect.stringMatching(
      /shapes-vlm cannot be quantized to q4_k_m: .* \S*layers\.1\.mlp\.up_proj\.weight in \S+\.safetensors \(element 300 is NaN\)\.\nDownload/,
    ),
  });
  await expect(made).rejects.not.toMatchObject({ message: expect.stringMatching(/unquantized\.gguf/) });
});

test('the memory of the CPU is what the system has free', async () => {
  const memory = await backend.deviceMemory?.('cpu', { log: () => undefined, signal: new AbortController().signal });
  expect(memory?.device).toBe('cpu');
  expect(memory?.freeBytes).toBeGreaterThan(0);
});
