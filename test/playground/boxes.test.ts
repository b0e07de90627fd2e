import { describe, expect, it } from 'vitest';
import { guessReading, readBox } from '../../src/playground/results/box-reading.ts';
import type { FoundBox } from '../../src/playground/results/find-boxes.ts';
import { findBoxes } from '../../src/playground/results/find-boxes.ts';

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
    ['DeepSeek tags', '<|ref|>cat<|/ref|><|det|>[[10, 20, 30, 40]]<|/det|>', [cat]],
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

const box = (corners: FoundBox['corners']): FoundBox => ({ corners, label: '', isYFirst: false });

describe('where a box is', () => {
  const sent = { width: 400, height: 200 };
  const seen = { width: 200, height: 100 };

  it.each([
    ['thousandths', [500, 500, 1000, 1000], '', { unit: 1000, order: 'x-first' }],
    ['fractions', [0.5, 0.5, 1, 1], '', { unit: 1, order: 'x-first' }],
    ['pixels', [1200, 100, 1400, 200], '', { unit: 'sent', order: 'x-first' }],
    ['as Gemma was taught', [500, 500, 1000, 1000], 'gemma3', { unit: 1000, order: 'y-first' }],
    ['as Qwen2.5-VL was taught', [50, 50, 100, 100], 'qwen2.5vl_merger', { unit: 'seen', order: 'x-first' }],
    ['as LFM2-VL was taught', [0.5, 0.5, 1, 1], 'lfm2', { unit: 1, order: 'x-first' }],
    ['not as Gemma was taught', [0.5, 0.5, 1, 1], 'gemma3', { unit: 1, order: 'x-first' }],
  ] as const)('is guessed from the model and the numbers: %s', (_, corners, projector, reading) => {
    expect(guessReading([box(corners)], projector)).toEqual(reading);
  });

  it('is guessed from the key that says that y comes first', () => {
    expect(guessReading(findBoxes('[{"box_2d": [10, 20, 30, 40]}]'))).toEqual({ unit: 1000, order: 'y-first' });
  });

  it.each([
    [1000, [500, 500, 1000, 1000]],
    [1, [0.5, 0.5, 1, 1]],
    ['sent', [200, 100, 400, 200]],
    ['seen', [100, 50, 200, 100]],
  ] as const)('is told in pixels of the picture: %s', (unit, corners) => {
    const placed = readBox(box(corners), { unit, order: 'x-first' }, { sent, seen });
    expect(placed).toMatchObject({ left: 200, top: 100, right: 400, bottom: 200 });
  });

  it('has its axes exchanged where y comes first', () => {
    const placed = readBox(box([0, 500, 1000, 1000]), { unit: 1000, order: 'y-first' }, { sent });
    expect(placed).toMatchObject({ left: 200, top: 0, right: 400, bottom: 200 });
  });

  it('never leaves the picture', () => {
    const placed = readBox(box([0, 0, 5000, 5000]), { unit: 1000, order: 'x-first' }, { sent });
    expect(placed).toMatchObject({ left: 0, top: 0, right: 400, bottom: 200 });
  });
});
