import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { quantizedCheckpoints } from '../../reference/quantized-checkpoints.ts';
import { writeCheckpoint } from '../../reference/write-checkpoint.ts';
import { elementCount } from '../../../src/convert/gguf/layout.ts';
import { planConversion } from '../../../src/convert/plan/plan-conversion.ts';
import { multiplyByScales, scaleAxes } from '../../../src/convert/scales/scale.ts';
import { changeJson, temporaryFolder } from '../support/checkpoints.ts';

/** A tensor of ones of a shape, multiplied by 1, 2, 3, … in a scale's shape, piece by piece. */
function scaled(shape: number[], scale: number[], blocks: number[] | undefined, pieceElements: number): number[] {
  const axes = scaleAxes({ shape }, { shape: scale }, blocks);
  if (axes === undefined) throw new RangeError('they do not fit');
  const scales = Float32Array.from({ length: elementCount(scale) }, (_, i) => i + 1);
  const found: number[] = [];
  for (let first = 0; first < elementCount(shape); first += pieceElements) {
    const values = new Float32Array(Math.min(pieceElements, elementCount(shape) - first)).fill(1);
    multiplyByScales(values, values.length, first, axes, scales);
    found.push(...values);
  }
  return found;
}

describe('a scale stands for', () => {
  test.each<[string, number[], number[], number[] | undefined, number[]]>([
    ['all', [2, 2], [], undefined, [1, 1, 1, 1]],
    ['all, as a list of one', [2, 2], [1], undefined, [1, 1, 1, 1]],
    ['each row', [2, 3], [2], undefined, [1, 1, 1, 2, 2, 2]],
    ['each row, as a column', [2, 3], [2, 1], undefined, [1, 1, 1, 2, 2, 2]],
    ['each column', [2, 3], [1, 3], undefined, [1, 2, 3, 1, 2, 3]],
    ['blocks, cut off at the ends', [3, 3], [2, 2], [2, 2], [1, 1, 2, 1, 1, 2, 3, 3, 4]],
    ['blocks of each matrix of a stack', [2, 2, 2], [2, 1, 2], [2, 1], [1, 2, 1, 2, 3, 4, 3, 4]],
    ['one block that is larger than the tensor', [1, 2], [1, 1], [128, 128], [1, 1]],
  ])('%s', (_, shape, scale, blocks, expected) => {
    for (const pieceElements of [1, 2, 5, 100]) {
      expect(scaled(shape, scale, blocks, pieceElements)).toEqual(expected);
    }
  });

  test.each<[number[], number[], number[] | undefined]>([
    [[2, 3], [3], undefined],
    [[2, 3], [2, 3, 1], undefined],
    [
      [4, 4],
      [2, 1],
      [2, 2],
    ],
    [[4, 4], [], [2, 2]],
    [
      [4, 4],
      [2, 2],
      [2, 2, 2],
    ],
  ])('nothing where %j does not fit %j in blocks of %j', (shape, scale, blocks) => {
    expect(scaleAxes({ shape }, { shape: scale }, blocks)).toBeUndefined();
  });
});

/** A checkpoint of FP8 blocks in a folder of its own. */
async function blocksFolder(
  change: (names: Map<string, readonly number[]>) => void = () => undefined,
): Promise<string> {
  const checkpoint = quantizedCheckpoints['llama-fp8-blocks-tiny']?.checkpoint;
  if (checkpoint === undefined) throw new RangeError('the checkpoint is gone');
  const folder = await temporaryFolder();
  const shapes = new Map(checkpoint.shapes);
  change(shapes);
  await writeCheckpoint(folder, { ...checkpoint, shapes });
  return folder;
}

async function failureOf(folder: string): Promise<unknown> {
  return planConversion({ sourceDir: folder, outtype: 'auto' }).catch((error: unknown) => error);
}

const weight = 'model.layers.1.mlp.up_proj.weight';

describe('refused with a name', () => {
  test('a tensor of 8 bits that lacks its scale', async () => {
    const folder = await blocksFolder((shapes) => shapes.delete(`${weight}_scale_inv`));
    expect(await failureOf(folder)).toMatchObject({
      code: 'tensor_missing',
      message: `The checkpoint lacks the scale of ${weight}, which is F8_E4M3.`,
    });
  });

  test('a scale that lacks its tensor', async () => {
    const folder = await blocksFolder((shapes) => shapes.delete(weight));
    expect(await failureOf(folder)).toMatchObject({
      code: 'tensor_missing',
      message: expect.stringContaining(weight) as string,
    });
  });

  test('a scale of another shape', async () => {
    const folder = await blocksFolder((shapes) => shapes.set(`${weight}_scale_inv`, [7, 2]));
    expect(await failureOf(folder)).toMatchObject({
      code: 'tensor_invalid',
      message: `The scale ${weight}_scale_inv of the shape [7, 2] does not fit [72, 64] in blocks of [48, 40].`,
    });
  });

  test.each<[string, object, RegExp]>([
    ['GPTQ', { quant_method: 'gptq', bits: 4 }, /GPTQ, 4 bits/],
    ['AWQ', { quant_method: 'awq' }, /\(AWQ\)/],
    ['bitsandbytes', { quant_method: 'bitsandbytes', load_in_4bit: true }, /bitsandbytes, 4 bits/],
    ['NVFP4', { quant_method: 'modelopt', quant_algo: 'NVFP4' }, /ModelOpt, NVFP4/],
    ['no method', {}, /unknown/],
    [
      'packed',
      {
        quant_method: 'compressed-tensors',
        format: 'pack-quantized',
        config_groups: { group_0: { weights: { strategy: 'group', group_size: 32 } } },
      },
      /compressed-tensors, pack-quantized, group/,
    ],
    [
      'several groups',
      {
        quant_method: 'compressed-tensors',
        format: 'float-quantized',
        config_groups: { a: { weights: {} }, b: { weights: {} } },
      },
      /several groups/,
    ],
    ['blocks without sizes', { quant_method: 'fp8', weight_block_size: [0, 128] }, /weight_block_size/],
  ])('%s', async (_, quantization, naming) => {
    const folder = await blocksFolder();
    await changeJson(folder, 'config.json', (config) => ({ ...config, quantization_config: quantization }));
    expect(await failureOf(folder)).toMatchObject({
      code: 'checkpoint_invalid',
      message: expect.stringMatching(naming) as string,
    });
  });

  test("NVIDIA's settings in a file of their own", async () => {
    const folder = await blocksFolder();
    await changeJson(folder, 'config.json', (config) => ({ ...config, quantization_config: null }));
    const settings = { producer: { name: 'ModelOpt' }, quantization: { quant_algo: 'NVFP4' } };
    await writeFile(join(folder, 'hf_quant_config.json'), JSON.stringify(settings));
    expect(await failureOf(folder)).toMatchObject({
      code: 'checkpoint_invalid',
      message: expect.stringContaining('ModelOpt, NVFP4') as string,
    });
    await rm(join(folder, 'hf_quant_config.json'));
  });
});
