import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { shippedParts } from '../../../scripts/package/shipped-parts.ts';

const root = join(import.meta.dirname, '../../..');
const notice = readFileSync(join(root, 'NOTICE'), 'utf8');

interface Lock {
  readonly packages: Readonly<Record<string, { readonly dev?: boolean; readonly license?: string }>>;
}

/** Licences that ask for no more than to come along. */
const permissive = ['MIT', 'Apache-2.0', 'ISC', 'BSD-2-Clause', 'BSD-3-Clause', '0BSD', 'BlueOak-1.0.0', 'Unlicense'];

test('what vserve contains of others is permissive, and NOTICE or the licences of the page name it', () => {
  const page = readFileSync(join(root, 'dist/src/server/playground/page/LICENSES.md'), 'utf8');
  const parts = shippedParts();
  expect(parts.map(({ name }) => name)).toEqual(expect.arrayContaining(['llama.cpp', 'swagger-ui-dist', 'preact']));
  for (const { name, license } of parts) {
    expect(
      license.split(' OR ').some((choice) => permissive.includes(choice)),
      `${name}: ${license}`,
    ).toBe(true);
    expect(
      [notice, page].some((text) => text.includes(name.replace(/-dist$/, ''))),
      name,
    ).toBe(true);
  }
});

test('NOTICE names each dependency whose licence asks for more', () => {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as Lock;
  const others = Object.entries(packages)
    .filter(([path, { dev }]) => path !== '' && dev !== true)
    .map(([path, { license = 'MIT' }]) => ({ name: path.replace(/^.*node_modules\//, ''), license }))
    .filter(
      ({ license }) =>
        !license
          .replaceAll(/[()]/g, '')
          .split(' OR ')
          .some((choice) => permissive.includes(choice)),
    );
  expect(others.map(({ name }) => name)).toContain('libheif-js');
  // A library for many platforms is named once.
  const names = new Set(others.map(({ name }) => name.replace(/^@img\/sharp(?:-libvips)?-.*$/, 'libvips')));
  for (const name of names) expect(notice, name).toContain(name);
});
