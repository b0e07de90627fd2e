import { describe, expect, it } from 'vitest';
import type { LoadedModel } from '../../../src/backend/index.ts';
import { referenceCase } from '../../support/shapes.ts';
import { answer, loadShapes, referenceRequest } from '../../support/shapes-engine.ts';

const cases = ['000', '001', '014', '021', '025', '054'].map(referenceCase);

async function answers(model: LoadedModel): Promise<string[]> {
  const texts: string[] = [];
  for (const reference of cases) texts.push((await answer(model, await referenceRequest(reference))).text);
  return texts;
}

describe('mmprojEncoding', () => {
  it.each(['auto', 'original'] as const)(
    '%s answers as transformers does, and the same a second time',
    async (encoding) => {
      const model = await loadShapes({ mmprojEncoding: encoding });
      const expected = cases.map(({ expected }) => expected);
      expect(await answers(model)).toEqual(expected);
      expect(await answers(model)).toEqual(expected);
      await model.close();
    },
  );

  it('says how the encoder multiplies', async () => {
    expect(await visionLog('original')).toBe("Vision encoder: multiplies in its weights' types (ggml)");
    expect(await visionLog('auto')).toMatch(/^Vision encoder: multiplies in/);
  });

  it('f32 works as auto does where there are kernels for the CPU, and is refused elsewhere', async () => {
    const automatic = await visionLog('auto');
    if (automatic.includes('float32')) {
      expect(await visionLog('f32')).toBe(automatic);
    } else {
      await expect(visionLog('f32')).rejects.toMatchObject({
        code: 'invalid_setting',
        message: expect.stringContaining('--mmproj-encoding') as unknown,
      });
    }
  });
});

async function visionLog(mmprojEncoding: 'auto' | 'original' | 'f32'): Promise<string> {
  const lines: string[] = [];
  const model = await loadShapes({ mmprojEncoding }, {}, (line) => lines.push(line));
  await model.close();
  return lines.find((line) => line.startsWith('Vision encoder')) ?? '';
}
