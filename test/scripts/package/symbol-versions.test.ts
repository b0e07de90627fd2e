import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { isNewer, symbolVersions } from '../../../scripts/package/symbol-versions.ts';

test('of each family of symbols, the newest version that a file asks for is found', () => {
  const folder = mkdtempSync(join(tmpdir(), 'vserve-symbols-'));
  onTestFinished(() => {
    rmSync(folder, { recursive: true });
  });
  const path = join(folder, 'library.so');
  writeFileSync(path, '\0GLIBC_2.9\0GLIBC_2.34\0GLIBC_2.4\0GLIBCXX_3.4.30\0NOT_GLIBC_9.9\0GLIBC_PRIVATE\0');
  expect([...symbolVersions(path)]).toEqual([
    ['GLIBC', '2.34'],
    ['GLIBCXX', '3.4.30'],
  ]);
});

test('versions are compared number by number', () => {
  expect(isNewer('2.34', '2.9')).toBe(true);
  expect(isNewer('3.4.9', '3.4.30')).toBe(false);
  expect(isNewer('2.34', '2.34')).toBe(false);
});
