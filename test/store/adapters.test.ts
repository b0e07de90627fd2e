import { mkdir, readdir, readFile, realpath, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { prepareAdapter, prepareModel } from '../../src/store/index.ts';
import type { Converter, PrepareAdapterOptions } from '../../src/store/index.ts';
import { checkpoint, fakeConverter, gguf, preparation, temporaryFolder } from './store-folder.ts';

let folder: string;
let home: string;
beforeEach(async () => {
  folder = await temporaryFolder();
  home = join(folder, 'home');
});

/** A folder as PEFT saves one. */
async function adapter(name: string, base: string | undefined, more: Readonly<Record<string, string>> = {}) {
  const path = join(folder, name);
  await mkdir(path);
  const files = {
    'adapter_config.json': JSON.stringify({ peft_type: 'LORA', base_model_name_or_path: base }),
    'adapter_model.safetensors': 'weights',
    ...more,
  };
  for (const [file, text] of Object.entries(files)) await writeFile(join(path, file), text);
  return path;
}

/** What a conversion was made from: the names of the files, and the contents of the small ones. */
interface Seen {
  readonly sourceDir: string;
  readonly names: readonly string[];
  readonly adapter: readonly string[];
}

function watched(seen: Seen[]) {
  const converter: Converter = fakeConverter({
    mergedAdapterFolder: 'vserve-adapter',
    checkpointFiles: async () => ['config.json', 'model.safetensors', 'vserve-adapter/adapter_model.safetensors'],
  });
  return {
    ...converter,
    async convertCheckpoint(conversion: Parameters<Converter['convertCheckpoint']>[0]) {
      const { sourceDir } = conversion;
      const names = (await readdir(sourceDir)).sort();
      seen.push({ sourceDir, names, adapter: (await readdir(join(sourceDir, 'vserve-adapter'))).sort() });
      return converter.convertCheckpoint(conversion);
    },
  };
}

describe('the folder of an adapter as the model', () => {
  test('is converted with its base model, found beside it, with the tokenizer that it brings', async () => {
    const base = await checkpoint(folder, 'base');
    await writeFile(join(base, 'tokenizer.json'), 'of the base');
    await writeFile(join(base, 'tokenizer_config.json'), 'of the base');
    const path = await adapter('tuned', '../base', { 'tokenizer.json': 'of the adapter', 'README.md': '# Mine' });
    const seen: Seen[] = [];
    const converter = watched(seen);
    const loadConverter = () => Promise.resolve(converter);
    const prepared = await prepareModel(preparation(home, path, { loadConverter }));
    expect(seen).toMatchObject([
      {
        names: ['config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json', 'vserve-adapter'],
        adapter: ['adapter_config.json', 'adapter_model.safetensors'],
      },
    ]);
    const { sourceDir = '' } = seen[0] ?? {};
    expect(await readFile(join(sourceDir, 'tokenizer.json'), 'utf8')).toBe('of the adapter');
    expect(await readFile(join(sourceDir, 'tokenizer_config.json'), 'utf8')).toBe('of the base');
    expect(prepared.modelPath).toContain('tuned');
    // Once is enough.
    await prepareModel(preparation(home, path, { loadConverter }));
    expect(seen).toHaveLength(1);
  });

  test('is converted again when the adapter has changed', async () => {
    await checkpoint(folder, 'base');
    const path = await adapter('tuned', '../base');
    const seen: Seen[] = [];
    const converter = watched(seen);
    const loadConverter = () => Promise.resolve(converter);
    await prepareModel(preparation(home, path, { loadConverter }));
    await writeFile(join(path, 'adapter_model.safetensors'), 'other weights');
    await prepareModel(preparation(home, path, { loadConverter }));
    expect(seen).toHaveLength(2);
  });

  test.each([
    ['/gone/models/base', 'model_unavailable', /which is not on this machine\. Write the path/],
    [undefined, 'checkpoint_invalid', /does not say which model it is for/],
  ])('says that its base model %s is missing', async (base, code, message) => {
    const path = await adapter('tuned', base);
    const converter = watched([]);
    const loadConverter = () => Promise.resolve(converter);
    await expect(prepareModel(preparation(home, path, { loadConverter }))).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message) as string,
    });
  });

  test('needs a converter that merges', async () => {
    const path = await adapter('tuned', '../base');
    const loadConverter = () => Promise.resolve(fakeConverter());
    await expect(prepareModel(preparation(home, path, { loadConverter }))).rejects.toMatchObject({
      code: 'unsupported_capability',
    });
  });
});

function prepare(path: string, more: Partial<PrepareAdapterOptions> = {}): Promise<string> {
  const { hub, log, signal } = preparation(home, path);
  return prepareAdapter({
    adapter: path,
    checkpointDir: undefined,
    maxRank: undefined,
    loadConverter: () => Promise.resolve(fakeConverter()),
    home,
    hub,
    log,
    signal,
    ...more,
  });
}

describe('an adapter beside a model', () => {
  test('is a .gguf file, or the only one of a folder', async () => {
    await mkdir(join(folder, 'made'));
    const path = await gguf(join(folder, 'made'), 'captions.gguf');
    expect(await prepare(path)).toBe(path);
    expect(await prepare(join(folder, 'made'))).toBe(path);
    await gguf(join(folder, 'made'), 'other.gguf');
    await expect(prepare(join(folder, 'made'))).rejects.toMatchObject({
      message: expect.stringMatching(/several \.gguf files/) as string,
    });
  });

  test('is converted once with the checkpoint of the model', async () => {
    const base = await checkpoint(folder, 'base');
    const path = await adapter('captions', 'org/base');
    const conversions: { baseDir: string; adapterDir: string }[] = [];
    const converter = fakeConverter({
      convertAdapter: async ({ baseDir, adapterDir, path: target }) => {
        conversions.push({ baseDir, adapterDir });
        await writeFile(target, 'GGUF and so on');
      },
    });
    const options = { checkpointDir: base, loadConverter: () => Promise.resolve(converter) };
    const made = await prepare(path, options);
    expect(made).toMatch(/home\/adapters\/captions-[0-9a-f]{16}\.gguf$/);
    expect(await prepare(path, options)).toBe(made);
    expect(conversions).toEqual([{ baseDir: await realpath(base), adapterDir: await realpath(path) }]);
    await writeFile(join(path, 'adapter_model.safetensors'), 'other weights');
    expect(await prepare(path, options)).not.toBe(made);
  });

  test('cannot be converted for a model that is GGUF already', async () => {
    await expect(prepare(await adapter('captions', 'org/base'))).rejects.toMatchObject({
      code: 'model_unavailable',
      message: expect.stringMatching(/convert_lora_to_gguf\.py/) as string,
    });
  });
});
