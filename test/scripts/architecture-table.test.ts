import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { withArchitectureTable } from '../../scripts/architecture-table.ts';

test('the table of architectures in docs/models.md is that of the registry (npm run docs)', async () => {
  const models = await readFile(new URL('../../docs/models.md', import.meta.url), 'utf8');
  expect(withArchitectureTable(models)).toBe(models);
});
