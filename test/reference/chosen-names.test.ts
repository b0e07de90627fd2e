import { expect, test } from 'vitest';
import { chosenNames } from './chosen-names.ts';

const known = ['llava-tiny', 'pixtral-tiny', 'smolvlm-tiny'];

test('those that were asked for, in their order', () => {
  expect(chosenNames(['smolvlm-tiny', 'llava-tiny'], known)).toEqual(['smolvlm-tiny', 'llava-tiny']);
});

test('without any, the usual ones, which are all where nothing else is said', () => {
  expect(chosenNames([], known)).toEqual(known);
  expect(chosenNames([], known, ['pixtral-tiny'])).toEqual(['pixtral-tiny']);
});

test('one that there is not is an error, which says what there is', () => {
  expect(() => chosenNames(['llava-tiny', 'lava-tiny'], known)).toThrow(
    'There is no checkpoint lava-tiny. There are: llava-tiny, pixtral-tiny, smolvlm-tiny.',
  );
});
