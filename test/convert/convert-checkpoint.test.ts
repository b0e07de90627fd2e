import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { checkpointFiles, converterVersion, supportedArchitectures } from '../../src/convert/index.ts';
import type { ConversionProgress } from '../../src/convert/index.ts';
import { referenceCheckpoints } from '../reference/checkpoints.ts';
import { textShapes } from '../reference/gemma3-shapes.ts';
import { sentencePieceModel, syntheticPieces } from '../reference/sentencepiece-writer.ts';
import { writeCheckpoint } from '../reference/write-checkpoint.ts';
import { decode } from '../../src/convert/quantize/decode.ts';
import { encode } from '../../src/convert/quantize/encode.ts';
import { changeJson, convert, shapesVlmCopy, shapesVlmFolder, temporaryFolder } from './support/checkpoints.ts';
import { describeGguf } from './support/describe-gguf.ts';
import { readReference } from './support/read-reference.ts';
import { pickTensors, readSafetensors } from './support/safetensors.ts';

async function deal(folder: string, shards: Record<string, string[]>): Promise<void> {
  const file = await readSafetensors(folder);
  const weightMap: Record<string, string> = {};
  for (const [shard, names] of Object.entries(shards)) {
    await writeFile(join(folder, shard), pickTensors(file, names));
    for (const name of names) weightMap[name] = shard;
  }
  await rm(join(folder, 'model.safetensors'));
  await writeFile(join(folder, 'model.safetensors.index.json'), JSON.stringify({ weight_map: weightMap }));
}

test('a sharded checkpoint gives the same files as a single one', async () => {
  const whole = await convert(await shapesVlmFolder());
  const folder = await shapesVlmCopy();
  const names = Object.keys((await readSafetensors(folder)).entries).sort();
  await deal(folder, {
    'model-00001-of-00003.safetensors': names.slice(0, 30),
    'model-00002-of-00003.safetensors': names.slice(30, 90).toReversed(),
    'model-00003-of-00003.safetensors': names.slice(90),
  });
  const sharded = await convert(folder);
  for (const file of ['model.gguf', 'mmproj.gguf']) {
    const [expected, actual] = [whole, sharded].map(({ destinationDir }) => readFile(join(destinationDir, file)));
    expect((await actual)?.equals((await expected) ?? Buffer.alloc(0))).toBe(true);
  }
});

test('the same tensors come out of shards in any order', async () => {
  const whole = await describeGguf((await convert(await shapesVlmFolder())).modelPath);
  const folder = await shapesVlmCopy();
  const names = Object.keys((await readSafetensors(folder)).entries);
  await deal(folder, {
    'model-a.safetensors': names.filter((_, i) => i % 2 === 1),
    'model-b.safetensors': names.filter((_, i) => i % 2 === 0),
  });
  const dealt = await describeGguf((await convert(folder)).modelPath);
  expect(dealt.tensors).not.toEqual(whole.tensors);
  expect(new Set(dealt.tensors.map(String))).toEqual(new Set(whole.tensors.map(String)));
});

test('one thread plans and writes a small checkpoint', async () => {
  let started = 0;
  const count = (): void => void started++;
  process.on('worker', count);
  onTestFinished(() => void process.off('worker', count));
  await convert(await shapesVlmFolder(), { outtype: 'q8_0' });
  expect(started).toBe(1);
});

function newName(name: string): string {
  return name
    .replace('language_model.model.', 'model.language_model.')
    .replace(/^(vision_tower|multi_modal)/, 'model.$1');
}

test('weights named as transformers 5 names them convert to the same', async () => {
  const folder = await shapesVlmCopy();
  const file = await readSafetensors(folder);
  file.entries = Object.fromEntries(Object.entries(file.entries).map(([name, entry]) => [newName(name), entry]));
  await writeFile(join(folder, 'model.safetensors'), pickTensors(file, Object.keys(file.entries)));
  const renamed = await convert(folder);
  const original = await convert(await shapesVlmFolder());
  for (const path of ['modelPath', 'mmprojPath'] as const) {
    const actual = await describeGguf(renamed[path] ?? '');
    const expected = await describeGguf(original[path] ?? '');
    expect(new Set(actual.tensors.map(String))).toEqual(new Set(expected.tensors.map(String)));
  }
});

test('progress rises to the size of each file', async () => {
  const seen: ConversionProgress[] = [];
  const { modelPath } = await convert(await shapesVlmFolder(), { onProgress: (progress) => seen.push(progress) });
  for (const file of ['model.gguf', 'mmproj.gguf']) {
    const written = seen.filter((progress) => progress.file === file);
    expect(written.length).toBeGreaterThan(2);
    expect(written.map(({ bytesWritten }) => bytesWritten)).toEqual(
      written.map(({ bytesWritten }) => bytesWritten).sort((a, b) => a - b),
    );
    expect(written.at(-1)?.bytesWritten).toBe(written[0]?.bytesTotal);
  }
  expect(seen.find(({ file }) => file === 'model.gguf')?.bytesTotal).toBe((await readFile(modelPath)).byteLength);
});

test.each(['before it starts', 'while it plans', 'while it writes'])('an abort %s leaves nothing', async (when) => {
  const controller = new AbortController();
  const reason = new Error('enough');
  const destinationDir = await temporaryFolder();
  let calls = 0;
  if (when === 'before it starts') controller.abort(reason);
  const conversion = convert(await shapesVlmFolder(), {
    destinationDir,
    signal: controller.signal,
    onProgress: () => {
      calls++;
      controller.abort(reason);
    },
  });
  if (when === 'while it plans') controller.abort(reason);
  await expect(conversion).rejects.toBe(reason);
  expect(calls).toBe(when === 'while it writes' ? 1 : 0); // so small a model is written by one thread
  expect(await readdir(destinationDir)).toEqual([]);
});

function breakPipe(): never {
  throw new Error('broken pipe');
}

test('an error in onProgress ends the conversion and leaves nothing', async () => {
  const destinationDir = await temporaryFolder();
  await expect(convert(await shapesVlmFolder(), { destinationDir, onProgress: breakPipe })).rejects.toThrow(
    'broken pipe',
  );
  expect(await readdir(destinationDir)).toEqual([]);
});

test('a conversion replaces an earlier one, and only at its end', async () => {
  const destinationDir = await temporaryFolder();
  await convert(await shapesVlmFolder(), { destinationDir, outtype: 'q8_0' });
  const earlier = await readFile(join(destinationDir, 'model.gguf'));
  const broken = await shapesVlmCopy();
  await rm(join(broken, 'preprocessor_config.json'));
  await rm(join(broken, 'processor_config.json'));
  await expect(convert(broken, { destinationDir })).rejects.toThrow('preprocessor_config.json');
  expect((await readFile(join(destinationDir, 'model.gguf'))).equals(earlier)).toBe(true);
  await convert(await shapesVlmFolder(), { destinationDir });
  expect((await readFile(join(destinationDir, 'model.gguf'))).equals(earlier)).toBe(false);
  expect((await readdir(destinationDir)).sort()).toEqual(['mmproj.gguf', 'model.gguf']);
});

test('a model name stands for the name of the folder', async () => {
  const { modelPath } = await convert(await shapesVlmCopy(), { modelName: 'gemma-3-2m-it' });
  const { kv } = await describeGguf(modelPath);
  expect(kv).toMatchObject({
    'general.name': [['STRING'], 'Gemma 3 2m It'],
    'general.basename': [['STRING'], 'gemma-3'],
    'general.finetune': [['STRING'], 'it'],
    'general.size_label': [['STRING'], '2M'],
  });
});

test('chat templates beside the default one get keys of their own', async () => {
  const folder = await shapesVlmCopy();
  await mkdir(join(folder, 'additional_chat_templates'));
  await writeFile(join(folder, 'additional_chat_templates', 'tool-use.jinja'), 'tools\r\n');
  const { kv } = await describeGguf((await convert(folder)).modelPath);
  expect(kv['tokenizer.chat_template.tool_use']).toEqual([['STRING'], 'tools\n']);
  expect(kv['tokenizer.chat_templates']).toEqual([['ARRAY', 'STRING'], ['tool_use']]);
  expect(kv['tokenizer.chat_template']?.[1]).toBe(await readFile(join(folder, 'chat_template.jinja'), 'utf8'));
  expect(await checkpointFiles(folder)).toContain('additional_chat_templates/tool-use.jinja');
});

test('an architecture in text_config goes before the one at the top', async () => {
  const folder = await shapesVlmCopy();
  await changeJson(folder, 'config.json', (config) => ({
    ...config,
    text_config: { ...(config.text_config as object), architectures: ['SomeOtherForCausalLM'] },
  }));
  await expect(convert(folder)).rejects.toMatchObject({ code: 'architecture_unsupported' });
});

test('a tensor longer than a chunk is put together right', async () => {
  const folder = join(await temporaryFolder(), 'wide');
  const sizes = { vocabulary: 70_000, width: 64, inner: 32, layers: 1, heads: 1, headsKv: 1, headDim: 32 };
  await writeCheckpoint(folder, {
    seed: 1,
    dtype: 'F16',
    shards: 1,
    shapes: textShapes(sizes, ''),
    files: {
      'config.json': {
        architectures: ['Gemma3ForCausalLM'],
        vocab_size: 70_000,
        hidden_size: 64,
        intermediate_size: 32,
        num_hidden_layers: 1,
        num_attention_heads: 1,
        num_key_value_heads: 1,
        head_dim: 32,
      },
      'tokenizer.model': sentencePieceModel(syntheticPieces(300)),
    },
  });
  const { entries, data } = await readSafetensors(folder);
  const source = data.subarray(...(entries['model.embed_tokens.weight']?.data_offsets ?? [0, 0]));
  const copied = await convert(folder, { outtype: 'f16' });
  expect((await readFile(copied.modelPath)).includes(source)).toBe(true);

  const elements = source.byteLength / 2;
  const values = new Float32Array(elements);
  decode(new Uint8Array(source).buffer, 'F16', elements, values);
  const blocks = new ArrayBuffer((elements / 32) * 34);
  encode(values, elements, 'Q8_0', blocks);
  const quantized = await convert(folder, { outtype: 'q8_0' });
  expect((await readFile(quantized.modelPath)).includes(Buffer.from(blocks))).toBe(true);
});

test('the files that a conversion reads can be listed', async () => {
  const folder = await shapesVlmCopy();
  await writeFile(join(folder, 'training_args.bin'), 'unrelated');
  expect(await checkpointFiles(folder)).toEqual([
    'added_tokens.json',
    'chat_template.jinja',
    'config.json',
    'generation_config.json',
    'model.safetensors',
    'preprocessor_config.json',
    'processor_config.json',
    'tokenizer.json',
    'tokenizer.model',
    'tokenizer_config.json',
  ]);
});

test('what is supported can be listed', () => {
  expect(converterVersion).toMatch(/^\d/);
  const supported = supportedArchitectures();
  expect(supported).toContainEqual({ architecture: 'Gemma3ForCausalLM', family: 'gemma3', vision: false });
  expect(supported).toContainEqual({ architecture: 'Gemma3ForConditionalGeneration', family: 'gemma3', vision: true });
  expect(supported).toContainEqual({ architecture: 'InternVLChatModel', family: 'internvl', vision: true });
  const names = supported.map(({ architecture }) => architecture);
  expect(names).toEqual([...new Set(names)].sort());
});

test('the [IMG_BREAK] embedding of Pixtral is found under the names that the Hub has', async () => {
  const name = 'pixtral-tiny';
  const { checkpoint } = referenceCheckpoints[name] ?? {};
  if (checkpoint === undefined) throw new Error(`${name} is not described`);
  const shapes = new Map(
    Array.from(checkpoint.shapes, ([tensor, shape]) => [
      tensor.replace(/^(?=model\.|lm_head)/, 'language_model.'),
      shape,
    ]),
  );
  const folder = join(await temporaryFolder(), name);
  await writeCheckpoint(folder, { ...checkpoint, shapes });
  const { mmprojPath } = await convert(folder);
  const reference = readReference(name);
  const { tensors } = await describeGguf(mmprojPath ?? '');
  expect(new Set(tensors.map(String))).toEqual(new Set(reference['mmproj-bf16.gguf']?.tensors.map(String)));
});
