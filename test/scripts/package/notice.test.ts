import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { bundledLicences, shippedParts } from '../../../scripts/package/shipped-parts.ts';

const root = join(import.meta.dirname, '../../..');
const notice = readFileSync(join(root, 'NOTICE'), 'utf8');
const licences = bundledLicences.map((path) => readFileSync(join(root, path), 'utf8'));

interface Lock {
  readonly packages: Readonly<Record<string, { readonly dev?: boolean; readonly license?: string }>>;
}

/** Licences that ask for no more than to come along. */
const permissive = ['MIT', 'Apache-2.0', 'ISC', 'BSD-2-Clause', 'BSD-3-Clause', '0BSD', 'BlueOak-1.0.0', 'Unlicense'];

test('what vserve contains of others is permissive, and NOTICE or the licences of what is bundled name it', () => {
  const parts = shippedParts();
  expect(parts.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['llama.cpp', 'swagger-ui-dist', 'preact', 'undici']),
  );
  for (const { name, license } of parts) {
    expect(
      license.split(' OR ').some((choice) => permissive.includes(choice)),
      `${name}: ${license}`,
    ).toBe(true);
    expect(
      [notice, ...licences].some((text) => text.includes(name.replace(/-dist$/, ''))),
      name,
    ).toBe(true);
  }
});

test('what is bundled comes with the texts of its licences', () => {
  const parts = licences.flatMap((list) => list.split(/^## (?=\S+ - \S+ \(.+\)$)/m).slice(1));
  expect(parts.length).toBeGreaterThan(20);
  for (const part of parts) expect(part.split('\n').slice(1).join('\n').trim(), part).toMatch(/\S{3}/);
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
