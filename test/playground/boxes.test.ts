import { describe, expect, it } from 'vitest';
import type { Corners } from '../../src/playground/boxes/found-box.ts';
import { findBoxes } from '../../src/playground/boxes/find-boxes.ts';
import { guessReading, placeBox } from '../../src/playground/boxes/place-boxes.ts';

describe('boxes in an answer', () => {
  const cat = { corners: [10, 20, 30, 40], label: 'cat', isYFirst: false };
  it.each([
    ['Qwen, fenced', 'Here:\n```json\n[{"bbox_2d": [10, 20, 30, 40], "label": "cat"}]\n```', [cat]],
    ['Gemma: y first', '[{"box_2d": [10, 20, 30, 40], "label": "cat"}]', [{ ...cat, isYFirst: true }]],
    ['structured output', '{"objects": [{"label": "cat", "bbox": [10, 20, 30, 40]}]}', [cat]],
    ['sides by name', '{"name": "cat", "box": {"x1": 10, "y1": 20, "x2": 30, "y2": 40}}', [cat]],
    ['a corner and the size', '{"label": "cat", "x": 10, "y": 20, "width": 20, "height": 20}', [cat]],
    ['bare numbers', 'It is at [10, 20, 30, 40].', [{ ...cat, label: '' }]],
    ['Qwen-VL tags', '<ref>cat</ref><box>(10,20),(30,40)</box>', [cat]],
    ['Qwen2-VL tags', '<|object_ref_start|>cat<|object_ref_end|><|box_start|>(10,20),(30,40)<|box_end|>', [cat]],
    [
      'PaliGemma tags',
      '<loc0256><loc0512><loc0768><loc1024> cat',
      [{ corners: [250, 500, 750, 1000], label: 'cat', isYFirst: true }],
    ],
    ['one list, cut off in the second', '[{"bbox": [10, 20, 30, 40], "label": "cat"}, {"bbox": [1, 2', [cat]],
    [
      'text with brackets of other kinds',
      'See [1] {not json} ["a ] b"] and {"bbox": [10,20,30,40], "label": "cat"}',
      [cat],
    ],
  ])('are found: %s', (_, text, expected) => {
    expect(findBoxes(text)).toEqual(expected);
  });

  it.each([
    ['numbers that are no box', '{"scores": [1, 2, 3, 4]}'],
    ['corners in no order', '{"bbox": [30, 40, 10, 20]}'],
    ['prose', 'The box is red.'],
    ['nothing', ''],
  ])('are not made up: %s', (_, text) => {
    expect(findBoxes(text)).toEqual([]);
  });

  it('are looked for in bounded time, whatever is written', () => {
    expect(findBoxes('['.repeat(20_000) + '{"'.repeat(20_000))).toEqual([]);
  });
});

const box = (corners: Corners) => ({ corners, label: '', isYFirst: false });

describe('where a box is', () => {
  const picture = { width: 400, height: 200 };

  it.each([
    ['thousandths', [500, 500, 1000, 1000], 'thousandths'],
    ['fractions', [0.5, 0.5, 1, 1], 'fractions'],
    ['pixels', [1200, 100, 1400, 200], 'pixels'],
  ] as const)('is guessed from its numbers: %s', (_, corners, unit) => {
    expect(guessReading([box(corners)])).toEqual({ unit, isYFirst: false });
  });

  it.each([
    ['thousandths', [500, 500, 1000, 1000]],
    ['fractions', [0.5, 0.5, 1, 1]],
    ['pixels', [200, 100, 400, 200]],
    ['seen-pixels', [100, 50, 200, 100]],
  ] as const)('is told in pixels of the picture: %s', (unit, corners) => {
    const placed = placeBox(box(corners), { unit, isYFirst: false }, picture, { width: 200, height: 100 });
    expect(placed).toMatchObject({ x: 200, y: 100, width: 200, height: 100 });
  });

  it('has its axes exchanged where y comes first', () => {
    const placed = placeBox(box([0, 500, 1000, 1000]), { unit: 'thousandths', isYFirst: true }, picture);
    expect(placed).toMatchObject({ x: 200, y: 0, width: 200, height: 200 });
  });

  it('never leaves the picture', () => {
    const placed = placeBox(box([0, 0, 5000, 5000]), { unit: 'thousandths', isYFirst: false }, picture);
    expect(placed).toMatchObject({ x: 0, y: 0, width: 400, height: 200 });
  });
});
