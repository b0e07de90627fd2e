import { expect, test } from 'vitest';
import { splitFiles } from '../../../backends/node-llama-cpp/split-files.ts';

test('the files of a split model follow from the first, and a whole model is its only file', () => {
  expect(splitFiles('/m/a-00001-of-00003.gguf')).toEqual([
    '/m/a-00001-of-00003.gguf',
    '/m/a-00002-of-00003.gguf',
    '/m/a-00003-of-00003.gguf',
  ]);
  expect(splitFiles('/m/a.gguf')).toEqual(['/m/a.gguf']);
});
