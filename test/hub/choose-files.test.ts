import { describe, expect, test } from 'vitest';
import { checkConfig } from '../../src/convert/index.ts';
import { chooseFiles } from '../../src/hub/choose-files.ts';
import type { Choice } from '../../src/hub/choice.ts';
import type { RemoteFile } from '../../src/hub/remote-file.ts';

const texts: Record<string, string> = {
  'config.json': '{"architectures":["Tiny"]}',
  'model.safetensors.index.json':
    '{"weight_map":{"a":"model-2.safetensors","b":"model-1.safetensors","c":"model-2.safetensors"}}',
};

function file(path: string, bytes = 10): RemoteFile {
  return { path, bytes, hash: { algorithm: 'git', digest: '0'.repeat(40) } };
}

function choose(paths: readonly (string | RemoteFile)[], choice: Partial<Choice> = {}, contents = texts) {
  const files = paths.map((path) => (typeof path === 'string' ? file(path) : path));
  return chooseFiles(
    'org/name',
    files,
    {
      encoding: 'auto',
      isGgufOnly: false,
      mmprojEncoding: 'auto',
      ifNoneFits: 'refuse',
      weightPath: undefined,
      mmproj: undefined,
      memoryBytes: async () => 100,
      checkConfig: async () => ({ hasVision: true }),
      ...choice,
    },
    {
      readText: async ({ path }) => contents[path] ?? '',
      readStart: async ({ path }) => Buffer.from(contents[path] ?? ''),
    },
  );
}

async function pathsOf(chosen: ReturnType<typeof choose>): Promise<string[]> {
  return (await chosen).files.map(({ path }) => path);
}

describe('a checkpoint', () => {
  test('the shards that the index names, and what stands beside them', async () => {
    const paths = await pathsOf(
      choose([
        '.gitattributes',
        'README.md',
        'LICENSE',
        'NOTICE.txt',
        'additional_chat_templates/tools.jinja',
        'chat_template.jinja',
        'config.json',
        'consolidated.safetensors',
        'model-1.safetensors',
        'model-2.safetensors',
        'model-3.safetensors',
        'model.safetensors.index.json',
        'onnx/model.onnx',
        'original/params.json',
        'preprocessor_config.json',
        'pytorch_model.bin',
        'tekken.json',
        'tiktoken.model',
        'tokenizer.model',
        'training_args.bin',
      ]),
    );
    expect(paths.toSorted()).toEqual([
      'LICENSE',
      'NOTICE.txt',
      'additional_chat_templates/tools.jinja',
      'chat_template.jinja',
      'config.json',
      'model-1.safetensors',
      'model-2.safetensors',
      'model.safetensors.index.json',
      'preprocessor_config.json',
      'tekken.json',
      'tiktoken.model',
      'tokenizer.model',
    ]);
  });

  test('goes before GGUF files, which --weight-path can still name, or a type that only they have', async () => {
    const paths = ['config.json', 'model.safetensors', 'q4.gguf'];
    expect(await pathsOf(choose(paths))).toEqual(['config.json', 'model.safetensors']);
    expect(await pathsOf(choose(paths, { weightPath: 'q4.gguf' }))).toEqual(['q4.gguf']);
    const typed = ['config.json', 'model.safetensors', 'm-IQ4_XS.gguf'];
    expect(await pathsOf(choose(typed, { encoding: 'iq4_xs', isGgufOnly: true }))).toEqual(['m-IQ4_XS.gguf']);
  });

  test('without a vision encoder is fetched all the same, with a warning', async () => {
    const { warning } = await choose(['config.json', 'model.safetensors'], {
      checkConfig: async () => ({ hasVision: false }),
    });
    expect(warning).toBe('org/name has no vision encoder: it accepts text only, no images.');
  });

  test('an architecture that cannot be converted is refused when only its configuration is known', async () => {
    const choice = { checkConfig: () => Promise.reject(new Error('unsupported')) };
    await expect(choose(['config.json', 'model.safetensors'], choice)).rejects.toThrow('unsupported');
  });

  const card = '---\nbase_model:\n- google/gemma-3-4b-it\nlibrary_name: mlx\n---\n# A model';
  const quantized = {
    'config.json':
      '{"architectures":["Tiny"],"quantization":{"group_size":64,"bits":4},"quantization_config":{"group_size":64,"bits":4}}',
    'README.md': card,
  };
  test('for MLX is refused by name, with the original that its card names', async () => {
    const chosen = choose(['README.md', 'config.json', 'model.safetensors'], {}, quantized);
    await expect(chosen).rejects.toMatchObject({
      code: 'checkpoint_invalid',
      message: expect.stringMatching(
        /^org\/name is a checkpoint for Apple's MLX, quantized to 4 bits .*: google\/gemma-3-4b-it\.$/,
      ),
    });
    await expect(choose(['config.json', 'model.safetensors'], {}, quantized)).rejects.toThrow(
      /: the checkpoint it was made from/,
    );
  });

  test('that is quantized otherwise is refused before it is fetched, with the original that its card names', async () => {
    const chosen = choose(
      ['README.md', 'config.json', 'model.safetensors'],
      { checkConfig },
      {
        'config.json':
          '{"architectures":["Gemma3ForConditionalGeneration"],"quantization_config":{"quant_method":"bitsandbytes"}}',
        'README.md': '---\r\nbase_model: google/gemma-3-4b-it\r\n---\r\n',
      },
    );
    await expect(chosen).rejects.toMatchObject({
      code: 'checkpoint_invalid',
      message: expect.stringMatching(
        /already quantized \(bitsandbytes\)[^]*\nThe model card of org\/name names google\/gemma-3-4b-it as the model/,
      ),
    });
  });

  const adapters: readonly [string, Record<string, string>, RegExp][] = [
    [
      'its configuration',
      { 'adapter_config.json': '{"peft_type":"LORA","base_model_name_or_path":"Qwen/Qwen2.5-VL-7B-Instruct"}' },
      /^org\/name is not a model but an adapter \(PEFT, LoRA\) for Qwen\/Qwen2\.5-VL-7B-Instruct\. Serve it beside that model: --model Qwen\/Qwen2\.5-VL-7B-Instruct --lora-paths name=org\/name\./,
    ],
    [
      'its card',
      { 'adapter_config.json': '{"base_model_name_or_path":"/home/me/model"}', 'README.md': card },
      /for google\/gemma-3-4b-it\. Serve it beside that model: --model google\/gemma-3-4b-it/,
    ],
    [
      'neither',
      { 'adapter_config.json': '{}', 'README.md': '---\nbase_model: [a/b, c/d]\n---' },
      /for another model\. Serve it beside that model/,
    ],
  ];
  test('an adapter is taken where it may be merged into its model', async () => {
    const paths = ['README.md', 'adapter_config.json', 'adapter_model.safetensors', 'tokenizer.json', 'optimizer.pt'];
    const chosen = choose(paths, { takesAdapter: true });
    expect(await pathsOf(chosen)).toEqual(['adapter_config.json', 'adapter_model.safetensors', 'tokenizer.json']);
    const contents = { 'adapter_config.json': '{}', 'README.md': '' };
    await expect(choose(paths.slice(0, 2), { takesAdapter: true }, contents)).rejects.toMatchObject({
      code: 'model_unavailable',
    });
  });

  test.each(adapters)('an adapter is refused as that, its model by %s', async (_, contents, message) => {
    const paths = ['README.md', 'adapter_config.json', 'adapter_model.safetensors', 'tokenizer.json'];
    await expect(choose(paths, {}, contents)).rejects.toMatchObject({
      code: 'model_unavailable',
      message: expect.stringMatching(message),
    });
  });

  const broken: readonly [string, readonly string[], Record<string, string>, RegExp][] = [
    [
      'a shard that is missing',
      ['config.json', 'model-1.safetensors', 'model.safetensors.index.json'],
      texts,
      /names "model-2\.safetensors", which is missing/,
    ],
    [
      'an index that leads out',
      ['config.json', 'model-1.safetensors', 'model.safetensors.index.json'],
      { ...texts, 'model.safetensors.index.json': '{"weight_map":{"a":"../../x"}}' },
      /names "\.\.\/\.\.\/x", which is missing/,
    ],
    [
      'an index without weights',
      ['config.json', 'model-1.safetensors', 'model.safetensors.index.json'],
      { ...texts, 'model.safetensors.index.json': '{}' },
      /names no weights/,
    ],
    [
      'a configuration that is no JSON',
      ['config.json', 'model.safetensors'],
      { 'config.json': '<html>' },
      /config\.json of the repository is not valid JSON/,
    ],
    [
      'a configuration that is no object',
      ['config.json', 'model.safetensors'],
      { 'config.json': '3' },
      /is not a JSON object/,
    ],
    [
      'PyTorch files only',
      ['config.json', 'pytorch_model.bin'],
      texts,
      /no model that vserve can serve.*It has PyTorch files/,
    ],
    [
      'a diffusers pipeline',
      ['model_index.json', 'unet/x.safetensors'],
      texts,
      /It has safetensors .* and a diffusers pipeline/,
    ],
    [
      'no model at all',
      ['README.md'],
      texts,
      /neither a checkpoint \(config\.json and model\*\.safetensors\) nor GGUF files\.$/,
    ],
  ];
  test.each(broken)('%s', async (_, paths, contents, message) => {
    await expect(choose(paths, {}, contents)).rejects.toThrow(message);
  });
});

describe('a repository of GGUF files', () => {
  const repository = [
    file('gemma-Q4_K_M.gguf', 40),
    file('gemma-Q8_0.gguf', 80),
    file('gemma-BF16-00001-of-00002.gguf', 80),
    file('gemma-BF16-00002-of-00002.gguf', 80),
    file('gemma-f32.gguf', 90),
    file('mmproj-BF16.gguf', 5),
    file('mmproj-F16.gguf', 5),
    file('mmproj-F32.gguf', 9),
    file('README.md'),
  ];
  const cases: readonly [string, Partial<Choice>, readonly string[]][] = [
    ['by its type', { encoding: 'q4_k_m' }, ['mmproj-F16.gguf', 'gemma-Q4_K_M.gguf']],
    [
      'by its type, split',
      { encoding: 'bf16' },
      ['mmproj-F16.gguf', 'gemma-BF16-00001-of-00002.gguf', 'gemma-BF16-00002-of-00002.gguf'],
    ],
    ['by its path', { weightPath: 'gemma-Q8_0.gguf' }, ['mmproj-F16.gguf', 'gemma-Q8_0.gguf']],
    [
      'by the path of a part',
      { weightPath: 'gemma-BF16-00002-of-00002.gguf' },
      ['mmproj-F16.gguf', 'gemma-BF16-00001-of-00002.gguf', 'gemma-BF16-00002-of-00002.gguf'],
    ],
    ['the largest that fits', {}, ['mmproj-F16.gguf', 'gemma-Q8_0.gguf']],
    [
      'the largest, where the memory is not known',
      { memoryBytes: async () => undefined },
      ['mmproj-F16.gguf', 'gemma-BF16-00001-of-00002.gguf', 'gemma-BF16-00002-of-00002.gguf'],
    ],
    ['with another projector', { mmproj: 'mmproj-F32.gguf' }, ['mmproj-F32.gguf', 'gemma-Q8_0.gguf']],
  ];
  test.each(cases)('%s', async (_, choice, paths) => {
    expect(await pathsOf(choose(repository, choice))).toEqual(paths);
  });

  test('auto says why', async () => {
    expect((await choose(repository)).reason).toBe(
      'gemma-Q8_0.gguf (80 B): the largest of 4 GGUF models that fits in 100 B of memory with a context.',
    );
  });

  const refused: readonly [string, readonly RemoteFile[], Partial<Choice>, RegExp][] = [
    [
      'a type that is not there',
      repository,
      { encoding: 'q5_k_m' },
      /no GGUF model of type q5_k_m\. Choose one with --weight-path:\n {2}gemma-Q4_K_M\.gguf \(40 B\)/,
    ],
    ['a path that is not there', repository, { weightPath: '../x.gguf' }, /has no GGUF model "\.\.\/x\.gguf"/],
    [
      'a projector that is not there',
      repository,
      { mmproj: 'x.gguf' },
      /has no file "x\.gguf"\. Its projectors: mmproj-BF16\.gguf/,
    ],
    [
      'none that fits',
      repository,
      { memoryBytes: async () => 3 },
      /org\/name has no GGUF model that fits in 3 B of memory: the smallest is gemma-Q4_K_M\.gguf, which takes 45 B with/,
    ],
    [
      'a part that is missing',
      [file('a-00001-of-00002.gguf')],
      {},
      /lacks parts of a-00001-of-00002\.gguf: a-00002-of-00002\.gguf/,
    ],
    ['projectors only', [file('mmproj-F16.gguf')], {}, /holds no GGUF model/],
  ];
  test.each(refused)('%s', async (_, files, choice, message) => {
    await expect(choose(files, choice)).rejects.toThrow(message);
  });
});
