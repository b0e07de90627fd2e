import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { withOptions } from '../../scripts/options-reference.ts';

test('docs/options.md lists the options as they are (npm run docs)', async () => {
  const options = await readFile(new URL('../../docs/options.md', import.meta.url), 'utf8');
  expect(withOptions(options)).toBe(options);
});
