import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { withArchitectureTable } from '../../scripts/architecture-table.ts';

test('the table of architectures in README.md is that of the registry (npm run docs)', async () => {
  const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8');
  expect(withArchitectureTable(readme)).toBe(readme);
});
