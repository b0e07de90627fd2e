import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { boxFamilyOf, drawAnswer, drawBoxes, readBoxes, toPicture } from '../../src/boxes/index.ts';
import type { BoxFamily } from '../../src/boxes/index.ts';

/** A picture of 2000 × 1000 that the model saw at half its size, and in it a box from (500, 100) to (1000, 900). */
const sizes = { sent: { width: 2000, height: 1000 }, seen: { width: 1000, height: 500 } };
const answers: Readonly<Record<BoxFamily, string>> = {
  'deepseek-ocr': '<|ref|>sign<|/ref|><|det|>[[249.75, 99.9, 499.5, 899.1]]<|/det|>',
  gemma: '```json\n[{"box_2d": [100, 250, 900, 500], "label": "sign"}]\n```',
  'glm-v': 'It is at <|begin_of_box|>[[250, 100, 500, 900]]<|end_of_box|>.',
  'granite-docling': '<loc_125><loc_50><loc_250><loc_450>sign',
  internvl: '<ref>sign</ref><box>[[250, 100, 500, 900]]</box>',
  'kimi-vl': '{"bbox": [0.25, 0.1, 0.5, 0.9], "label": "sign"}',
  'lfm2-vl': '[{"label": "sign", "bbox": [0.25, 0.1, 0.5, 0.9]}]',
  'minicpm-v': '<ref>sign</ref><box>250 100 500 900</box>',
  'paddleocr-vl': 'sign<|LOC_250|><|LOC_100|><|LOC_500|><|LOC_100|><|LOC_500|><|LOC_900|><|LOC_250|><|LOC_900|>',
  'qwen2-vl': '<|object_ref_start|>sign<|object_ref_end|><|box_start|>(250,100),(500,900)<|box_end|>',
  'qwen2.5-vl': '[{"bbox_2d": [250, 50, 500, 450], "label": "sign"}]',
  'qwen3-vl': '[{"bbox_2d": [250, 100, 500, 900], "label": "sign"}]',
};

describe('a box that a model has written', () => {
  it.each(Object.entries(answers) as [BoxFamily, string][])('%s: goes back to the picture', (family, answer) => {
    const boxes = readBoxes(answer).map((box) => toPicture(box, family, sizes));
    const label = /sign/.test(answer) ? 'sign' : '';
    expect(boxes).toHaveLength(1);
    for (const [side, pixels] of Object.entries({ left: 500, top: 100, right: 1000, bottom: 900 })) {
      expect(boxes[0]?.[side as 'left']).toBeCloseTo(pixels, 6);
    }
    if (family !== 'granite-docling') expect(boxes[0]?.label).toBe(label);
  });

  it('is kept within the picture, its corners in order', () => {
    const written = { corners: [900, 1200, 100, -50], label: '' } as const;
    expect(toPicture(written, 'qwen3-vl', sizes)).toEqual({ left: 200, top: 0, right: 1800, bottom: 1000, label: '' });
  });

  it('needs the size that the model saw where it writes pixels', () => {
    const written = { corners: [1, 2, 3, 4], label: '' } as const;
    expect(() => toPicture(written, 'qwen2.5-vl', { sent: sizes.sent })).toThrow(RangeError);
  });

  it('is found beside others, in order, with what JSON escapes', () => {
    const answer = 'a {"bbox_2d": [1, 2, 3, 4], "label": "a \\"b\\""} and {"x": 1} and {"bbox_2d":[5,6,7,8]}';
    expect(readBoxes(answer)).toEqual([
      { corners: [1, 2, 3, 4], label: 'a "b"' },
      { corners: [5, 6, 7, 8], label: '' },
    ]);
    expect(readBoxes('There is none: [1, 2, 3, 4].')).toEqual([]);
  });

  it('belongs to the family of the projector', () => {
    expect(boxFamilyOf('qwen2.5vl_merger')).toBe('qwen2.5-vl');
    expect(boxFamilyOf('gemma4v')).toBe('gemma');
    expect(boxFamilyOf('mlp')).toBeUndefined();
  });
});

it('boxes are drawn where they are, and nowhere else', async () => {
  const picture = { width: 200, height: 100, rgb: new Uint8Array(200 * 100 * 3).fill(255) };
  const drawn = await drawBoxes(picture, [{ left: 50, top: 20, right: 150, bottom: 80, label: '' }]);
  const { data, info } = await sharp(drawn).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  expect([info.width, info.height]).toEqual([200, 100]);
  const isWhite = (x: number, y: number): boolean =>
    data.subarray((y * 200 + x) * 3, (y * 200 + x) * 3 + 3).every((level) => level === 255);
  expect([isWhite(100, 20), isWhite(50, 50), isWhite(149, 50)]).toEqual([false, false, false]);
  expect([isWhite(100, 50), isWhite(10, 10), isWhite(190, 90)]).toEqual([true, true, true]);
});

it('the boxes of an answer are drawn on the picture that was asked about', async () => {
  const picture = { width: 200, height: 100, rgb: new Uint8Array(200 * 100 * 3).fill(255) };
  const { png, boxes } = await drawAnswer(picture, '{"box_2d": [200, 250, 800, 750]}', 'gemma');
  expect(boxes).toEqual([{ left: 50, top: 20, right: 150, bottom: 80, label: '' }]);
  expect(await sharp(png).metadata()).toMatchObject({ width: 200, height: 100, format: 'png' });
});
