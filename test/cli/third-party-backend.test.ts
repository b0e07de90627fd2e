import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { model, runVserve, temporaryFolder } from './run-vserve.ts';

/** A folder with a model and a backend that is installed there as a package, for ES modules only. */
async function projectWith(backend: string): Promise<{ folder: string; modelPath: string }> {
  const folder = await temporaryFolder();
  const packageDir = join(folder, 'node_modules', 'vserve-backend-tiny');
  await mkdir(packageDir, { recursive: true });
  const exports = { '.': { import: './backend.js' } };
  await writeFile(
    join(packageDir, 'package.json'),
    JSON.stringify({ name: 'tiny', specificationVersion: 1, type: 'module', exports }),
  );
  await writeFile(join(packageDir, 'backend.js'), backend);
  return { folder, modelPath: await model(folder) };
}

function failing(code: string): string {
  return `
    class TinyError extends Error { code = '${code}'; }
    export default { name: 'tiny', specificationVersion: 1, load: async () => { throw new TinyError('The tiny model is too large.'); } };`;
}

async function serve(folder: string, modelPath: string, backend: string) {
  return runVserve(folder, [
    'serve',
    '--metrics-endpoint-port',
    'off',
    '--backend',
    backend,
    '--model',
    modelPath,
  ]).exit();
}

test('a backend that is a package of the current folder is found, and its own error with a known code is reported', async () => {
  const { folder, modelPath } = await projectWith(failing('device_unavailable'));
  const { code, stderr } = await serve(folder, modelPath, 'vserve-backend-tiny');
  expect(stderr).toContain('Error: The tiny model is too large.\n');
  expect(stderr).not.toContain('defect');
  expect(code).toBe(2);
});

test('an error with a code that is none of the table is reported as a defect', async () => {
  const { folder, modelPath } = await projectWith(failing('toString'));
  const { code, stderr } = await serve(folder, modelPath, 'vserve-backend-tiny');
  expect(stderr).toContain('This is a bug in vserve.');
  expect(code).toBe(1);
});

test('a backend gets what it needs before it is checked, and can say so', async () => {
  const { folder } = await projectWith(`
    let isThere = false;
    const prepare = async ({ log, signal }) => {
      signal.throwIfAborted();
      log('info', 'Fetching the tiny engine');
      isThere = true;
    };
    const check = async () => {
      throw Object.assign(new Error(isThere ? 'Checked.' : 'Too early.'), { code: 'device_unavailable' });
    };
    export default { name: 'tiny', specificationVersion: 1, prepare, check, load: async () => {} };`);
  const { code, stderr } = await serve(folder, join(folder, 'no-such-model'), 'vserve-backend-tiny');
  expect(stderr).toMatch(/Fetching the tiny engine\nError: Checked\.\n$/);
  expect(code).toBe(2);
});

describe('a backend that cannot run here says so', () => {
  const broken = `
    const check = async () => { throw Object.assign(new Error('No such machine.'), { code: 'device_unavailable' }); };
    const quantizer = { version: '1', quantize: async () => {} };
    export default { name: 'tiny', specificationVersion: 1, check, quantizer, load: async () => {} };`;

  test('before a model is looked for', async () => {
    const { folder } = await projectWith(broken);
    const { code, stderr } = await serve(folder, join(folder, 'no-such-model'), 'vserve-backend-tiny');
    expect(stderr).toBe('Error: No such machine.\n');
    expect(code).toBe(2);
  });

  test('before a conversion that it is to quantize', async () => {
    const { folder } = await projectWith(broken);
    await mkdir(join(folder, 'checkpoint'));
    await writeFile(join(folder, 'checkpoint', 'config.json'), '{}');
    const convert = ['convert', 'checkpoint', 'out', '--backend', 'vserve-backend-tiny'];
    const refused = await runVserve(folder, [...convert, '--quantization-encoding', 'q4_0']).exit();
    expect(refused.stderr).toBe('Error: No such machine.\n');
    const converted = await runVserve(folder, [...convert, '--quantization-encoding', 'float16']).exit();
    expect(converted.code).toBe(0);
  });
});

test.each([
  ['vserve-backend-none', /^Error: The backend "vserve-backend-none" could not be loaded: .*\n\s*Use one of /],
  ['./none.js', /^Error: The backend "\.\/none\.js" could not be loaded: /],
  ['vserve-backend-tiny', /^Error: "vserve-backend-tiny" is not a backend: its default export needs a "name" and/],
])('%s is not a backend', async (name, message) => {
  const { folder, modelPath } = await projectWith('export default { load() {} };');
  const { code, stderr } = await serve(folder, modelPath, name);
  expect(stderr).toMatch(message);
  expect(code).toBe(2);
});

describe('a backend of another version of the specification is refused before anything is loaded', () => {
  const load = 'load: async () => { throw new Error("It was loaded."); }';

  test.each([
    [
      'no version',
      '',
      /^Error: The backend "vserve-backend-tiny" declares no version of the backend specification, and this vserve has version 1\. Install a newer version of the backend; its author declares "specificationVersion: 1"/,
    ],
    [
      'an older one',
      'specificationVersion: 0,',
      /was written for version 0 of the backend specification, and this vserve has version 1\. Install a newer version/,
    ],
    [
      'a newer one',
      'specificationVersion: 2,',
      /was written for version 2 of the backend specification, and this vserve has version 1\. Update vserve/,
    ],
    ['one that is no number', "specificationVersion: '1',", /was written for version "1" of the backend specification/],
  ])('%s', async (_, version, message) => {
    const { folder, modelPath } = await projectWith(`export default { name: 'tiny', ${version} ${load} };`);
    const { code, stderr } = await serve(folder, modelPath, 'vserve-backend-tiny');
    expect(stderr).toMatch(message);
    expect(stderr).not.toContain('It was loaded.');
    expect(code).toBe(2);
  });
});
