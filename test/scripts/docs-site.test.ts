import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { sections } from '../../scripts/site/.vitepress/sections.ts';

test('the menu of the site has every page of docs', () => {
  const pages = readdirSync(join(import.meta.dirname, '../../docs')).filter((name) => name.endsWith('.md'));
  const listed = sections.flatMap(({ pages }) => pages.map(([name]) => `${name}.md`));
  expect(listed.toSorted()).toEqual(pages.toSorted());
});
