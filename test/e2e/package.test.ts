import { execFile } from 'node:child_process';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { builtinModules } from 'node:module';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { packageRoot, platformPackage } from '../../backends/node-llama-cpp/installation.ts';
import { buildDir, nativeDir } from '../../scripts/native-build/folders.ts';
import { filesOfBuild, writeObjectTaker } from '../support/compiled-objects.ts';
import { compiler, installPackage } from '../support/installed-package.ts';
import type { InstalledPackage } from '../support/installed-package.ts';
import { pictureDataUri, referenceCase, referenceDir } from '../support/shapes.ts';
import { startVserve } from '../support/vserve-process.ts';

const run = promisify(execFile);
let installed: InstalledPackage;
let program: string;
beforeAll(async () => {
  installed = await installPackage();
  program = join(installed.packageDir, 'bin', 'vserve.js');
});
afterAll(() => installed.remove());

function chat(url: string, content: unknown): Promise<Response> {
  return fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ messages: [{ role: 'user', content }], temperature: 0 }),
  });
}

function model(): string[] {
  return ['--model', inject('shapesModelPath'), '--mmproj', inject('shapesMmprojPath'), '--devices', 'cpu'];
}

/** The environment of a machine with no other program than Node, and a home that its user cannot write. */
async function bareMachine(folder: string): Promise<NodeJS.ProcessEnv> {
  const home = join(folder, 'locked home');
  await mkdir(home, { recursive: true, mode: 0o555 });
  const path = join(folder, 'bin');
  await mkdir(path, { recursive: true });
  return { PATH: path, HOME: home };
}

/** Where a file that the compiler reads belongs in the package; undefined for what comes from elsewhere. */
function placeInPackage(path: string): string | undefined {
  const llamaCpp = join(buildDir, 'llama.cpp');
  if (path.startsWith(llamaCpp)) return join(installed.packageDir, 'dist/llama.cpp', relative(llamaCpp, path));
  // What CMake has written is written anew.
  const isOwn = path.startsWith(nativeDir) && !path.startsWith(buildDir);
  return isOwn ? join(installed.packageDir, relative(packageRoot, path)) : undefined;
}

async function answerOf(response: Response): Promise<string> {
  const { choices } = (await response.json()) as { choices: [{ message: { content: string } }] };
  return choices[0].message.content;
}

describe('the package, installed', () => {
  test('has what it imports, and no sources or source maps', async () => {
    const { dependencies } = JSON.parse(await readFile(join(installed.packageDir, 'package.json'), 'utf8')) as {
      readonly dependencies: Readonly<Record<string, string>>;
    };
    // node-llama-cpp asks for Electron where it runs in it.
    const known = new Set([...Object.keys(dependencies), ...builtinModules, 'electron']);
    expect(installed.files).toEqual(expect.arrayContaining(['LICENSE', 'NOTICE', 'README.md', 'CHANGELOG.md']));
    expect(installed.files.filter((file) => /\.map$|(?<!\.d)\.ts$|\.test\./.test(file))).toEqual([]);

    const missing: string[] = [];
    for (const file of installed.files.filter((name) => name.endsWith('.js'))) {
      const code = await readFile(join(installed.packageDir, file), 'utf8');
      for (const [, , specifier = ''] of code.matchAll(
        /(?:^import |^(?:import|export) .*from |\bimport\()(['"])(.+?)\1/gm,
      )) {
        const name = /^(?:node:|@[^/]+\/[^/]+|[^/]+)/.exec(specifier)?.[0] ?? '';
        const found = specifier.startsWith('.')
          ? installed.files.includes(join(file, '..', specifier))
          : name === 'node:' || known.has(name);
        if (!found) missing.push(`${file} imports ${specifier}`);
      }
    }
    expect(missing).toEqual([]);
  });

  test('is no larger than it has to be', async () => {
    const sizes = await Promise.all(
      installed.files.map(async (file) => (await stat(join(installed.packageDir, file))).size),
    );
    const bytes = sizes.reduce((sum, size) => sum + size, 0);
    // Some 2 to 4 MB each: llama.cpp's source, Swagger UI, the native engine's source with the compiled TypeScript, the bundle.
    expect(bytes).toBeLessThan(14e6);
    const folders = new Set(installed.files.map((file) => file.split('/').slice(0, 2).join('/')));
    expect([...folders].filter((folder) => !/^(?:[A-Z]+(?:\.md)?|package\.json|[a-z]+\/.*)$/.test(folder))).toEqual([]);
    expect([...folders].filter((folder) => /^(?:test|site|deploy|scripts|dist\/test)/.test(folder))).toEqual([]);
  });

  describe('with the package of its platform, on a machine that has Node and nothing else', () => {
    let machine: NodeJS.ProcessEnv;
    beforeAll(async () => {
      await installed.addPlatformPackage();
      machine = await bareMachine(installed.projectDir);
    });
    afterAll(() => installed.removePlatformPackage());

    test('answers without a compiler, in a home that cannot be written', async () => {
      const question = ['--image', join(referenceDir, '031-0.png'), '--prompt', 'What is in this image?'];
      const { stdout } = await run(process.execPath, [program, 'generate', ...model(), ...question], { env: machine });
      expect(stdout.trim()).not.toBe('');
    });

    test('of another version of vserve, it is not used', async () => {
      const manifest = join(installed.projectDir, 'node_modules', platformPackage, 'package.json');
      const made = JSON.parse(await readFile(manifest, 'utf8')) as object;
      await writeFile(manifest, JSON.stringify({ ...made, version: '0.0.1' }));
      await expect(run(process.execPath, [program, 'serve', ...model()], { env: machine })).rejects.toMatchObject({
        code: 1,
        stderr: expect.stringContaining('not installed, and it could not be built') as unknown,
      });
      await writeFile(manifest, JSON.stringify(made));
    });
  });

  test('names what is missing where there is neither that package nor a compiler', async () => {
    const env = await bareMachine(installed.projectDir);
    await expect(run(process.execPath, [program, 'serve', ...model()], { env })).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/could not be built\.\n.*a C\+\+17 compiler must be installed first/) as unknown,
    });
  });

  test('has every file that its engine is compiled from, as it is here', async () => {
    const files = (await filesOfBuild()).flatMap((path) => {
      const packed = placeInPackage(path);
      return packed === undefined ? [] : [{ path, packed }];
    });
    expect(files.length).toBeGreaterThan(200);
    const others: string[] = [];
    for (const { path, packed } of files) {
      const content = await readFile(packed).catch(() => undefined);
      if (content?.equals(await readFile(path)) !== true) others.push(path);
    }
    expect(others).toEqual([]);
  });

  test('builds its engine at first use, and only then', async () => {
    // What it compiles is what the test before has compared: to compile it again would take minutes.
    const home = { VSERVE_HOME: join(installed.projectDir, 'home'), CXX: await writeObjectTaker(installed.projectDir) };
    const vserve = await startVserve(model(), home, program);
    expect(vserve.stderr()).toMatch(/Building the native engine .* once[^]*The native engine is built/);
    const { messages, expected } = referenceCase('001');
    const content = messages[0]?.content.map((part) =>
      part.type === 'text' ? part : { type: 'image_url', image_url: { url: pictureDataUri(part.image) } },
    );
    expect(await answerOf(await chat(vserve.url, content))).toBe(expected);
    expect(await vserve.stop()).toBe(0);

    const again = await startVserve(model(), home, program);
    expect(again.stderr()).not.toContain('Building');
    expect(await again.stop()).toBe(0);
  });
});

describe('a backend of a third party', () => {
  test('in TypeScript gets the types and the error class from vserve/backend', async () => {
    await writeFile(join(installed.projectDir, 'package.json'), '{ "type": "module" }');
    const compilerOptions = { module: 'nodenext', target: 'es2022', strict: true, types: [], noEmit: true };
    await writeFile(
      join(installed.projectDir, 'tsconfig.json'),
      JSON.stringify({ compilerOptions, files: ['backend.ts'] }),
    );
    await writeFile(join(installed.projectDir, 'backend.ts'), typedBackend);
    await run(process.execPath, [compiler, '-p', installed.projectDir]).catch((error: { stdout: string }) => {
      expect.fail(error.stdout);
    });
  });

  test('is found by the name of its package, and tried by the suite of the installed vserve', async () => {
    const folder = join(installed.projectDir, 'node_modules', 'vserve-backend-shout');
    await mkdir(folder, { recursive: true });
    const page = await readFile(join(installed.packageDir, 'docs', 'backends.md'), 'utf8');
    const [, source = ''] = /```js\n([^]*?export default \{[^]*?)```/.exec(page) ?? [];
    await writeFile(join(folder, 'index.js'), source);
    const manifest = { name: 'vserve-backend-shout', type: 'module', exports: './index.js' };
    await writeFile(join(folder, 'package.json'), JSON.stringify(manifest));
    const script = `
      import { runConformance } from 'vserve/backend/conformance';
      import backend from 'vserve-backend-shout';
      const results = await runConformance(backend);
      process.exitCode = results.some(({ outcome }) => outcome === 'failed') ? 1 : 0;`;
    await writeFile(join(installed.projectDir, 'conformance.mjs'), script);
    const { stdout } = await run(process.execPath, ['conformance.mjs'], { cwd: installed.projectDir });
    expect(stdout).toMatch(/^shout: \d+ passed, 0 failed, \d+ skipped$/m);

    const home = join(installed.projectDir, 'home');
    const vserve = await startVserve(['--backend', 'vserve-backend-shout'], { VSERVE_HOME: home }, program);
    expect(await answerOf(await chat(vserve.url, 'hello'))).toBe('HELLO');
    expect(await vserve.stop()).toBe(0);
  });

  test('in plain JavaScript, as docs/backends.md shows it, answers requests and refuses with the code it throws', async () => {
    const page = await readFile(join(installed.packageDir, 'docs', 'backends.md'), 'utf8');
    const [, source = ''] = /```js\n([^]*?export default \{[^]*?)```/.exec(page) ?? [];
    await writeFile(join(installed.projectDir, 'shout.js'), source);
    const backend = join(installed.projectDir, 'shout.js');
    const vserve = await startVserve(
      ['--backend', backend],
      { VSERVE_HOME: join(installed.projectDir, 'home') },
      program,
    );

    expect(await answerOf(await chat(vserve.url, 'hello there'))).toBe('HELLO THERE');
    const refused = await chat(vserve.url, 'word '.repeat(5000));
    expect(refused.status).toBe(400);
    expect(await refused.json()).toMatchObject({
      error: { code: 'context_length_exceeded', type: 'exceed_context_size_error', param: null },
    });
    expect(await vserve.stop()).toBe(0);
  });
});

const typedBackend = `
import {
  VserveError,
  errorCodes,
  specificationVersion,
  type Backend,
  type ErrorCode,
  type GenerationEvent,
} from 'vserve/backend';
import { openConformance, runConformance, type ConformanceResult } from 'vserve/backend/conformance';

const code: ErrorCode = 'context_length_exceeded';
const status: number = errorCodes[code].status;

async function* generate(): AsyncGenerator<GenerationEvent> {
  yield { type: 'start', promptTokens: 1 };
  throw new VserveError(code, 'Shorten the conversation.', { param: 'messages' });
}

const backend = {
  name: 'typed',
  specificationVersion,
  async load(files, settings, { onProgress, signal }) {
    signal.throwIfAborted();
    onProgress('model', 1);
    const capabilities = { vision: files.mmprojPath !== undefined };
    return {
      info: { capabilities, contextLength: settings.maxLength ?? status, maxBatchSize: 1, samplingDefaults: {}, device: 'none' },
      generate,
      stats: () => ({ sequencesRunning: 0, sequencesQueued: 0 }),
      close: async () => {},
    };
  },
} satisfies Backend;
export default backend;

const results: readonly ConformanceResult[] = await runConformance(backend, { timeoutMs: 1000 });
const names: readonly string[] = (await openConformance(backend)).cases.map(({ name }) => name);

// @ts-expect-error: not a code
new VserveError('no_such_code', '');
// @ts-expect-error: no load function
({ name: 'incomplete', specificationVersion }) satisfies Backend;
// @ts-expect-error: another version
({ name: 'old', specificationVersion: 0, load: async () => Promise.reject() }) satisfies Backend;
`;
