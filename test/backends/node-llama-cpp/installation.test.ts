import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { addonsDirs, platformPackage } from '../../../backends/node-llama-cpp/installation.ts';

let root: string;
let prebuilt: string;
let built: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'vserve-installation-'));
  prebuilt = join(root, 'node_modules', platformPackage);
  built = join(root, 'backends/node-llama-cpp/native/build');
  await mkdir(prebuilt, { recursive: true });
  await writeFile(join(root, 'package.json'), JSON.stringify({ version: '1.2.3' }));
});
afterEach(() => rm(root, { recursive: true }));

async function install(manifest: object): Promise<void> {
  await writeFile(join(prebuilt, 'package.json'), JSON.stringify(manifest));
}

test('addons of the platform package come before those that were built here', async () => {
  await install({ version: '1.2.3', nodeLlamaCpp: '3.0.0' });
  expect(addonsDirs(root, '3.0.0')).toEqual([prebuilt, built]);
});

test('a platform package for another version of vserve or node-llama-cpp is passed over', async () => {
  await install({ version: '1.2.2', nodeLlamaCpp: '3.0.0' });
  expect(addonsDirs(root, '3.0.0')).toEqual([built]);
  await install({ version: '1.2.3', nodeLlamaCpp: '2.9.9' });
  expect(addonsDirs(root, '3.0.0')).toEqual([built]);
});

test('without a platform package, only what was built here counts', () => {
  expect(addonsDirs(root, '3.0.0')).toEqual([built]);
});
