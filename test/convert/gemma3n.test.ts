import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { referenceCheckpoints } from '../reference/checkpoints.ts';
import { writeCheckpoint } from '../reference/write-checkpoint.ts';
import { planConversion } from '../../src/convert/plan/plan-conversion.ts';
import { convert, temporaryFolder } from './support/checkpoints.ts';
import { describeGguf } from './support/describe-gguf.ts';
import { readReference } from './support/read-reference.ts';

type Settings = Record<string, unknown>;

const tiny = referenceCheckpoints['gemma3n-tiny']?.checkpoint;
if (tiny === undefined) throw new Error('There is no gemma3n-tiny');
const config = JSON.parse(tiny.files['config.json'] as string) as Settings & { text_config: Settings };
const layers = Array<string>(22).fill('sliding_attention');

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vserve-gemma3n-'));
  await writeCheckpoint(folder, tiny);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Plans the conversion with one of the parts of a configuration changed. */
async function planChanged(part: string, change: Settings): Promise<unknown> {
  const changed = { ...config, [part]: { ...(config[part] as Settings), ...change } };
  await writeFile(join(folder, 'config.json'), JSON.stringify(changed));
  return planConversion({ sourceDir: folder, outtype: 'bf16' });
}

describe('what llama.cpp would compute otherwise, or not at all, is refused', () => {
  const block = { block_type: 'uir', out_chs: 8, exp_ratio: 2, dw_kernel_size_start: 5, dw_kernel_size_mid: 3 };
  const stages = (first: Settings, ...rest: Settings[]): Settings => ({
    model_args: {
      block_args: [
        [{ ...block, stride: 2, ...first }, ...rest],
        ...Array.from({ length: 3 }, () => [{ ...block, stride: 2 }]),
      ],
    },
  });
  test.each([
    ['text_config', 'keys shared sooner', { num_kv_shared_layers: 3 }, 'num_kv_shared_layers'],
    ['text_config', 'no keys shared', { num_kv_shared_layers: 0 }, 'num_kv_shared_layers'],
    ['text_config', 'keys shared from other layers', { layer_types: layers }, 'layer_types'],
    ['text_config', 'a layer without a kind', { layer_types: layers.slice(1) }, 'layer_types'],
    ['text_config', 'other closed gates', { activation_sparsity_pattern: Array(22).fill(0) }, 'sparsity_pattern'],
    ['text_config', 'two inputs', { altup_num_inputs: 2 }, 'altup_num_inputs'],
    ['text_config', 'another active input', { altup_active_idx: 1 }, 'altup_active_idx'],
    ['text_config', 'another rank', { laurel_rank: 32 }, 'laurel_rank'],
    ['text_config', 'other embeddings of layers', { hidden_size_per_layer_input: 128 }, 'per_layer_input'],
    ['text_config', 'layers of several widths', { intermediate_size: [100, 200] }, 'intermediate_size'],
    ['text_config', 'another cap', { final_logit_softcapping: 50 }, 'final_logit_softcapping'],
    ['text_config', 'too few tokens', { vocab_size: 100 }, 'vocab_size_per_layer_input'],
    ['vision_config', 'another encoder', { architecture: 'resnet50' }, 'architecture'],
    ['vision_config', 'an end of images elsewhere', { vocab_offset: 423 }, 'eoi_token_id'],
    ['vision_config', 'three stages', { model_args: { block_args: [[], [], []] } }, 'block_args'],
    ['vision_config', 'a stage that halves nothing', stages({ stride: 1 }), 'block_args.0.0'],
    ['vision_config', 'a stage that halves twice', stages({}, { ...block, stride: 2 }), 'block_args.0.1'],
    ['vision_config', 'halving elsewhere', stages({ dw_kernel_size_mid: 0 }), 'block_args.0.0'],
    ['vision_config', 'another convolution', stages({ dw_kernel_size_end: 3 }), 'dw_kernel_size_end'],
  ])('%s: %s', async (part, _, change, field) => {
    await expect(planChanged(part, change)).rejects.toMatchObject({
      code: 'checkpoint_invalid',
      message: expect.stringContaining(field) as string,
    });
  });

  test.each([
    ['oblong pictures', { size: { height: 512, width: 768 } }],
    ['pictures that are not pooled evenly', { size: { height: 640, width: 640 } }],
    ['fewer tokens', { image_seq_length: 64 }],
  ])('%s', async (_, change) => {
    const preprocessor = tiny.files['preprocessor_config.json'] as string;
    const spoilt = await mkdtemp(join(folder, 'spoilt-'));
    await writeCheckpoint(spoilt, {
      ...tiny,
      files: {
        ...tiny.files,
        'preprocessor_config.json': { ...(JSON.parse(preprocessor) as Settings), ...change },
        'processor_config.json': {},
      },
    });
    await expect(planConversion({ sourceDir: spoilt, outtype: 'bf16' })).rejects.toMatchObject({
      code: 'checkpoint_invalid',
      message: expect.stringContaining('256 tokens') as string,
    });
  });
});

test('timm’s own encoder is as large as it is', async () => {
  const { mobileNetTensors } = await import('../../src/convert/architectures/mobilenet-v5.ts');
  const rules = mobileNetTensors({ stem_size: 64 }, 2048, 'timm_model');
  const sizes = rules.flatMap(({ sources }) =>
    sources.map(({ shape }) => shape.reduce((product, n) => product * n, 1)),
  );
  expect({ tensors: sizes.length, parameters: sizes.reduce((sum, size) => sum + size, 0) }).toEqual({
    tensors: 548,
    parameters: 294_126_912,
  });
});

test('a text model alone becomes what it is with vision', async () => {
  const name = 'gemma3n-tiny'; // of which general.name is made
  const parent = await temporaryFolder();
  const shapes = Array.from(tiny.shapes)
    .filter(([tensor]) => tensor.startsWith('model.language_model.'))
    .map(([tensor, shape]): [string, readonly number[]] => [tensor.replace('language_model.', ''), shape]);
  const text = { ...config.text_config, architectures: ['Gemma3nForCausalLM'], eos_token_id: [1, 5] };
  await writeCheckpoint(join(parent, name), {
    ...tiny,
    shapes: new Map(shapes),
    files: { ...tiny.files, 'config.json': text },
  });
  const { modelPath, mmprojPath, architecture } = await convert(join(parent, name), { outtype: 'bf16' });
  expect({ mmprojPath, architecture }).toEqual({ mmprojPath: undefined, architecture: 'Gemma3nForCausalLM' });
  const actual = await describeGguf(modelPath);
  const reference = readReference(name)['model-bf16.gguf'];
  expect(actual.kv).toEqual(reference?.kv);
  const [own, theirs] = [actual, reference].map((file) => file?.tensors.map(([tensor, shape]) => [tensor, shape]));
  expect(own).toEqual(theirs);
});
