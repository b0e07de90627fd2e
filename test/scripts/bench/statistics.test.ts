import { expect, test } from 'vitest';
import { gapsWithin, longestGap, median } from '../../../scripts/bench/statistics.ts';

test('The median is the middle, or halfway between the two in the middle, in whatever order they came', () => {
  expect(median([30, 10, 20])).toBe(20);
  expect(median([40, 10, 30, 20])).toBe(25);
  expect(median([7])).toBe(7);
  expect(median([])).toBeNaN();
});

test('Gaps are between one event and the next, and to both ends of the interval', () => {
  expect(gapsWithin([1, 42, 50, 95], 40, 90)).toEqual([2, 8, 40]);
  expect(gapsWithin([], 5, 9)).toEqual([4]);
});

test('The longest gap counts both ends of the interval and nothing outside it', () => {
  expect(longestGap([1, 2, 50, 60, 95], 40, 90)).toBe(30);
  expect(longestGap([10, 20, 30], 0, 31)).toBe(10);
  expect(longestGap([], 5, 9)).toBe(4);
});
