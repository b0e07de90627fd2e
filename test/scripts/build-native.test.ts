import { spawnSync } from 'node:child_process';
import { cp, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

const root = join(import.meta.dirname, '../..');
const native = 'backends/node-llama-cpp/native';

let checkout = '';
beforeAll(async () => {
  checkout = await mkdtemp(join(tmpdir(), 'vserve-checkout-'));
  for (const path of [
    'dist/scripts',
    'dist/src/errors',
    'dist/backends/node-llama-cpp',
    `${native}/src`,
    `${native}/patches`,
    'package.json',
  ]) {
    await cp(join(root, path), join(checkout, path), { recursive: true });
  }
  await symlink(join(root, 'node_modules'), join(checkout, 'node_modules'));
});
afterAll(() => rm(checkout, { recursive: true }));

const check = (folder: string) =>
  spawnSync(process.execPath, [join(folder, 'dist/scripts/build-native.js'), '--check'], { encoding: 'utf8' });

test('an engine that is not built from its sources is told, with the command that builds it', () => {
  expect(check(checkout)).toMatchObject({ status: 1, stderr: expect.stringContaining('Run: npm run build') as string });
});

test('one that is passes', () => {
  expect(check(root)).toMatchObject({ status: 0, stdout: '', stderr: '' });
});
