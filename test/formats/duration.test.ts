import { expect, test } from 'vitest';
import { durationMs } from '../../src/formats/duration.ts';

test.each<[unknown, number | undefined]>([
  ['5m', 300_000],
  ['1h30m', 5_400_000],
  ['1.5s', 1500],
  ['20ms', 20],
  [30, 30_000],
  ['30', 30_000],
  [0, 0],
  ['0', 0],
  ['0s', 0],
  [-1, Infinity],
  ['-1', Infinity],
  ['-5m', Infinity],
  ['10000h', Infinity],
  ['', undefined],
  ['soon', undefined],
  ['5m soon', undefined],
  ['m', undefined],
  [NaN, undefined],
  [null, undefined],
  [true, undefined],
])('%j lasts %s ms', (text, ms) => {
  expect(durationMs(text)).toBe(ms);
});
