import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { shapesCheckpointDir } from '../support/shapes.ts';
import { tellImports } from '../support/import-hook.ts';

interface Imported {
  readonly count: number;
  /** Names of packages, sorted. */
  readonly packages: readonly string[];
  readonly output: string;
}

/** What a run of Node imports. */
function importsOf(...args: readonly string[]): Imported {
  const hooked = ['--import', `data:text/javascript,${encodeURIComponent(tellImports)}`, ...args];
  const { stdout, stderr } = spawnSync(process.execPath, hooked, { encoding: 'utf8' });
  const urls = [...stderr.matchAll(/^import (file:.*)$/gm)].map(([, url = '']) => url);
  const names = urls.flatMap((url) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1] ?? []);
  return { count: urls.length, packages: [...new Set(names)].sort(), output: stdout };
}

/** Module by module, before they are bundled. */
const vserve = (...args: readonly string[]): Imported => importsOf(resolve('dist/src/cli/main.js'), ...args);
const moduleOf = (path: string): Imported =>
  importsOf('--input-type=module', '--eval', `import ${JSON.stringify(pathToFileURL(resolve(path)).href)};`);

test.each([[['--help']], [['--version']], [['serve', '--help']]])('vserve %s imports little', (args) => {
  const { count, packages, output } = vserve(...args);
  expect(output).toMatch(/vserve/);
  expect(packages).toEqual(['commander', 'env-paths', 'is-safe-filename']);
  expect(count).toBeLessThan(90);
});

test('what is built reads few files, and none of a library', () => {
  const { count, packages, output } = importsOf(resolve('bin/vserve.js'), 'serve', '--help');
  expect(output).toMatch(/vserve/);
  expect(packages).toEqual([]);
  expect(count).toBeLessThan(40);
});

test('an answer of the built program reads no module of node-llama-cpp', () => {
  const question = ['--prompt', 'What is it?', '--max-new-tokens', '1'];
  const { packages, output } = importsOf(
    resolve('bin/vserve.js'),
    'generate',
    '--model',
    shapesCheckpointDir,
    ...question,
  );
  expect(output).not.toBe('');
  expect(packages).not.toContain('node-llama-cpp');
});

test('vserve completion imports the verbs, and nothing that they need to run', () => {
  const { count, packages, output } = vserve('completion', 'bash');
  expect(output).toMatch(/complete/);
  const slow = ['node-llama-cpp', 'hono', 'zod', 'yaml', 'undici', 'sharp', '@huggingface/hub'];
  expect(packages.filter((name) => slow.includes(name))).toEqual([]);
  expect(count).toBeLessThan(260);
});

test('a start reads weights before it imports what takes long', () => {
  // The server, its schemas and the Hub's client come meanwhile.
  const verb = moduleOf('dist/src/cli/serving/serve-until-stopped.js');
  expect(
    verb.packages.filter((name) => ['hono', 'zod', 'yaml', 'undici', 'sharp', 'prom-client'].includes(name)),
  ).toEqual([]);
  expect(verb.count).toBeLessThan(200);
  const backend = moduleOf('dist/backends/node-llama-cpp/index.js');
  expect(backend.packages).toEqual([]);
  expect(backend.count).toBeLessThan(70);
});

test('a server can open without what fetches images', () => {
  expect(moduleOf('dist/src/server/index.js').packages).not.toContain('undici');
});
