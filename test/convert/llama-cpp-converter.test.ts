import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { watch } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bundledSource } from '../../backends/node-llama-cpp/installation.ts';
import { referenceCheckpoints } from '../reference/checkpoints.ts';
import { writeCheckpoint } from '../reference/write-checkpoint.ts';
import { LlamaCppConverter } from '../../src/convert/index.ts';
import { findPython } from '../../src/convert/llama-cpp/find-python.ts';
import { generationMetadata, unfollowedSettings } from '../../src/gguf/generation-metadata.ts';
import { readGgufHeader } from '../../src/gguf/read-header.ts';
import { changeJson, shapesVlm, shapesVlmCopy, temporaryFolder } from './support/checkpoints.ts';
import { describeGguf } from './support/describe-gguf.ts';
import { readReference } from './support/read-reference.ts';

const never = new AbortController().signal;
const modules = ['numpy', 'torch', 'transformers', 'sentencepiece', 'google/protobuf', 'yaml', 'tqdm'];

let toolsDir = '';
beforeAll(async () => {
  toolsDir = await mkdtemp(join(tmpdir(), 'vserve-tools-'));
});
afterAll(() => rm(toolsDir, { recursive: true, force: true }));

/** A Python that has only its standard library, and what `stubs` says: the sources of packages. */
async function barePython(stubs: Readonly<Record<string, string>> = {}): Promise<string> {
  const folder = await temporaryFolder();
  for (const [name, source] of Object.entries(stubs)) {
    await mkdir(join(folder, name), { recursive: true });
    await writeFile(join(folder, name, '__init__.py'), source);
  }
  const python = join(folder, 'python');
  await writeFile(python, `#!/bin/sh\nPYTHONPATH='${folder}' exec python3 -S "$@"\n`);
  await chmod(python, 0o755);
  return python;
}

function converterWith(python: string): LlamaCppConverter {
  return new LlamaCppConverter({ source: bundledSource(), toolsDir, python });
}

async function convert(python: string, sourceDir: string, signal = never, outtype: 'f16' | 'auto' = 'f16') {
  const destinationDir = await temporaryFolder();
  const progress: { file: string; bytesWritten: number; bytesTotal: number }[] = [];
  const converted = converterWith(python).convertCheckpoint({
    sourceDir,
    destinationDir,
    outtype,
    onProgress: (step) => progress.push(step),
    signal,
  });
  return { converted, destinationDir, progress };
}

async function failureOf(python: string, sourceDir = shapesVlm): Promise<{ code: string; message: string }> {
  const { converted, destinationDir } = await convert(python, sourceDir);
  const error: unknown = await converted.catch((thrown: unknown) => thrown);
  expect(await readdir(destinationDir)).toEqual([]);
  return error as { code: string; message: string };
}

test('the conversion is told from others by the release of llama.cpp', () => {
  expect(converterWith('python3').converterVersion).toBe(`llama.cpp ${bundledSource().release}, 2`);
});

// The stand-ins for Python are shell scripts.
describe.skipIf(process.platform === 'win32')('says what is missing', () => {
  test('where there is no Python', async () => {
    const { code, message } = await failureOf('/nowhere/python');
    expect(code).toBe('converter_unavailable');
    expect(message).toMatch(/No Python could be started \(tried \/nowhere\/python\)\. Install one, or .* --python/);
  });

  test('before a model is fetched', async () => {
    const config = { architectures: ['Gemma3nForConditionalGeneration'] };
    await expect(converterWith('/nowhere/python').checkConfig(config)).rejects.toMatchObject({
      code: 'converter_unavailable',
    });
  });

  test('where Python lacks packages: which, and how to install them', async () => {
    const python = await barePython({ numpy: '', tqdm: '' });
    const { code, message } = await failureOf(python);
    expect(code).toBe('converter_unavailable');
    expect(message).toContain(`${python} -m pip install torch transformers sentencepiece protobuf pyyaml\n`);
  });

  test('where a package is broken: what Python said', async () => {
    const stubs = Object.fromEntries(modules.map((name) => [name, 'raise RuntimeError("built for another machine")']));
    const { code, message } = await failureOf(await barePython(stubs));
    expect(code).toBe('conversion_failed');
    expect(message).toMatch(/exit code 1.*RuntimeError: built for another machine/);
  });
});

test.skipIf(process.platform === 'win32')('an abort ends Python', async () => {
  const marks = await temporaryFolder();
  const hang = `import os, time
open(os.path.join('${marks}', str(os.getpid())), 'w').close()
while True: time.sleep(60)`;
  const stubs = Object.fromEntries(modules.map((name) => [name, name === 'transformers' ? hang : '']));
  const abort = new AbortController();
  const started = new Promise((resolve) => watch(marks, resolve));
  const { converted, destinationDir } = await convert(await barePython(stubs), shapesVlm, abort.signal);
  const outcome = converted.catch((error: unknown) => error);
  await started;
  const [pid = ''] = await readdir(marks);
  abort.abort(new Error('enough'));
  expect(await outcome).toMatchObject({ message: 'enough' });
  expect(() => process.kill(Number(pid), 0)).toThrow(/ESRCH/);
  expect(await readdir(destinationDir)).toEqual([]);
});

test('a checkpoint of any architecture that llama.cpp has is described by its tensors and settings', async () => {
  const folder = await shapesVlmCopy();
  const own = await converterWith('python3').describeCheckpoint(folder, never);
  await changeJson(folder, 'config.json', (config) => ({ ...config, architectures: ['BloomForCausalLM'] }));
  const described = await converterWith('python3').describeCheckpoint(folder, never);
  expect(described).toEqual({ ...own, architecture: 'BloomForCausalLM' });
  expect(described.parameters).toBeGreaterThan(described.visionParameters ?? Infinity);
  expect(described.sizes.map(({ precision }) => precision)).toEqual([
    'bf16',
    'q8_0',
    'q6_k',
    'q5_k_m',
    'q4_k_m',
    'q4_0',
  ]);
});

test('an architecture that llama.cpp lacks is refused without Python, with the nearest of its own', async () => {
  const folder = await shapesVlmCopy();
  const name = 'Bloom2ForCausalLM';
  await changeJson(folder, 'config.json', (config) => ({ ...config, architectures: [name] }));
  const refusal = {
    code: 'architecture_unsupported',
    message: `llama.cpp ${bundledSource().release} does not convert the architecture "${name}" either. The nearest that it has: BloomForCausalLM, BloomModel.`,
  };
  const converter = converterWith('/nowhere/python');
  await expect(converter.describeCheckpoint(folder, never)).rejects.toMatchObject(refusal);
  await expect(converter.checkConfig({ architectures: [name] })).rejects.toMatchObject(refusal);
  expect(await failureOf('/nowhere/python', folder)).toMatchObject(refusal);
});

test('of several names one that llama.cpp has is enough, and none leaves it to the conversion', async () => {
  const folder = await shapesVlmCopy();
  const converter = converterWith('/nowhere/python');
  const text = { architectures: ['LlamaForCausalLM'] };
  for (const names of [{ architectures: ['NewForCausalLM'], text_config: text }, { architectures: undefined }]) {
    await changeJson(folder, 'config.json', (config) => ({ ...config, ...names }));
    await expect(converter.describeCheckpoint(folder, never)).resolves.toMatchObject({ precision: 'bf16' });
  }
});

const python = await findPython(process.env.VSERVE_PYTHON, never).catch(() => '');

// These need PyTorch, which is not everywhere; VSERVE_PYTHON says where it is.
describe.skipIf(python === '')('with Python and its packages', () => {
  test("makes what the reference made, the encoder's file too", async () => {
    const name = 'smolvlm-tiny';
    const reference = readReference(name);
    const sourceDir = join(await temporaryFolder(), name);
    const checkpoint = referenceCheckpoints[name]?.checkpoint;
    if (checkpoint === undefined) throw new Error(name);
    await writeCheckpoint(sourceDir, checkpoint);
    const { converted, progress } = await convert(python, sourceDir);
    const { modelPath, mmprojPath = '' } = await converted;
    expect((await describeGguf(modelPath)).tensors).toEqual(reference['model-f16.gguf']?.tensors);
    expect((await describeGguf(mmprojPath)).tensors).toEqual(reference['mmproj-f16.gguf']?.tensors);
    expect(new Set(progress.map(({ file }) => file))).toEqual(new Set(['model.gguf', 'mmproj.gguf']));
    expect(progress.at(-1)).toMatchObject({ file: 'mmproj.gguf', bytesWritten: progress.at(-1)?.bytesTotal });
  });

  test('adds what it leaves out of generation_config.json', async () => {
    const folder = await shapesVlmCopy();
    const generation = {
      do_sample: false,
      no_repeat_ngram_size: 5,
      eos_token_id: [1, 7],
      suppress_tokens: [3],
      num_beams: 4,
    };
    await writeFile(join(folder, 'generation_config.json'), JSON.stringify(generation));
    const { converted } = await convert(python, folder);
    const { keyValues } = await readGgufHeader((await converted).modelPath);
    expect(generationMetadata(keyValues)).toMatchObject({
      doSample: false,
      noRepeatNgram: { size: 5 },
      endTokens: [1, 7],
    });
    expect(keyValues.get('tokenizer.ggml.suppress_tokens')).toEqual([3]);
    expect(unfollowedSettings(keyValues)).toEqual(['generation_config.json: num_beams is not followed (4).']);
  });

  test('says what the converter said about a broken checkpoint', async () => {
    const folder = await shapesVlmCopy();
    await rm(join(folder, 'tokenizer.model'));
    const { code, message } = await failureOf(python, folder);
    expect(code).toBe('conversion_failed');
    expect(message).toMatch(/exit code 1.*tokenizer/);
  });
});
