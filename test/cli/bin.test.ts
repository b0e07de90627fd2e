import { execFile } from 'node:child_process';
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { temporaryFolder } from './run-vserve.ts';

const run = promisify(execFile);
const bin = resolve('bin/vserve.js');

test('--version', async () => {
  const { stdout, stderr } = await run(process.execPath, [bin, '--version']);
  expect(stdout).toMatch(/^vserve \d+\.\d+\.\d+\n$/);
  expect(stderr).toBe('');
});

test('--help lists the verbs, and the help of serve lists its options', async () => {
  const { stdout } = await run(process.execPath, [bin, '--help']);
  expect(stdout).toMatch(/serve +Serve a model/);
  const serve = await run(process.execPath, [bin, 'help', 'serve']);
  expect(serve.stdout).toMatch(/--port <port> +Port to listen on/);
  expect(serve.stdout).toMatch(/--\[no-\]allow-extra-request-fields\n/);
  for (const line of serve.stdout.split('\n')) expect(line.length, line).toBeLessThanOrEqual(80);
});

test('the help of pull offers no opposite of a switch that has none, and says where models are kept', async () => {
  const { stdout } = await run(process.execPath, [bin, 'warm-cache', '--help']);
  expect(stdout).toMatch(/^ {2}--dry-run +Only show/m);
  expect(stdout).toMatch(/^ {2}--\[no-\]force-download +Download again/m);
  expect(stdout).toMatch(/^Models are kept in VSERVE_HOME \(.+\)\.$/m);
});

test('no verb gives the help as an error', async () => {
  await expect(run(process.execPath, [bin])).rejects.toMatchObject({
    code: 2,
    stdout: '',
    stderr: expect.stringMatching(/^Usage: vserve/),
  });
});

test.each([
  ['nope', '--help'],
  ['help', 'nope'],
  ['--log-level', 'ERROR', 'nope', '-h'],
])('an unknown verb is an error, also with a request for help: %s %s', async (...args) => {
  await expect(run(process.execPath, [bin, ...args])).rejects.toMatchObject({
    code: 2,
    stdout: '',
    stderr: expect.stringMatching(/^Error: unknown command 'nope'/),
  });
});

test('the groups of a help have one order for all verbs, and limits have units', async () => {
  const titles = async (verb: string): Promise<string[]> => {
    const { stdout } = await run(process.execPath, [bin, verb, '--help']);
    return [...stdout.matchAll(/^([A-Z]\w+):$/gm)].map(([, title = '']) => title);
  };
  expect(await titles('pull')).toEqual([
    'Arguments',
    'Options',
    'Model',
    'Conversion',
    'Hub',
    'Engine',
    'General',
    'Examples',
  ]);
  const { stdout } = await run(process.execPath, [bin, 'serve', '--help']);
  expect(stdout.replaceAll(/\s+/g, ' ')).toContain('(default: 100 MiB; MAX_SERVE_MAX_REQUEST_BYTES)');
});

test('an unknown verb is an error', async () => {
  await expect(run(process.execPath, [bin, 'server'])).rejects.toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/^Error: unknown command 'server'\n {2}\(Did you mean serve\?\)/),
  });
});

test('a missing build says how to make it', async () => {
  const folder = await temporaryFolder();
  await mkdir(join(folder, 'bin'));
  await cp(bin, join(folder, 'bin', 'vserve.js'));
  await writeFile(join(folder, 'package.json'), '{"type":"module"}');
  await expect(run(process.execPath, [join(folder, 'bin', 'vserve.js'), 'serve'])).rejects.toMatchObject({
    code: 1,
    stderr: 'vserve is not built yet. In its folder, run: npm install && npm run build\n',
  });
});

test.each(['18.20.4', '20.18.3'])('Node %s is too old', async (version) => {
  const pretend = `data:text/javascript,Object.defineProperty(process.versions,'node',{value:'${version}'})`;
  await expect(run(process.execPath, ['--import', pretend, bin, '--version'])).rejects.toMatchObject({
    code: 1,
    stdout: '',
    stderr: expect.stringMatching(`^vserve needs Node 20\\.19 or later, and this is Node ${version}\\.`),
  });
});
