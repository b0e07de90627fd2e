import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { builtinModules } from 'node:module';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { compiler, installPackage } from '../support/installed-package.ts';
import type { InstalledPackage } from '../support/installed-package.ts';
import { pictureDataUri, referenceCase } from '../support/shapes.ts';
import { startVserve } from '../support/vserve-process.ts';

const run = promisify(execFile);
/** The engine is compiled, beside whatever else the machine does. */
const buildTimeoutMs = 15 * 60_000;

let installed: InstalledPackage;
let program: string;
beforeAll(async () => {
  installed = await installPackage();
  program = join(installed.packageDir, 'bin', 'vserve.js');
}, buildTimeoutMs);
afterAll(() => installed.remove());

function chat(url: string, content: unknown): Promise<Response> {
  return fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ messages: [{ role: 'user', content }], temperature: 0 }),
  });
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
    const known = new Set([...Object.keys(dependencies), ...builtinModules]);
    expect(installed.files).toEqual(expect.arrayContaining(['LICENSE', 'NOTICE', 'README.md', 'CHANGELOG.md']));
    expect(installed.files.filter((file) => /\.map$|(?<!\.d)\.ts$|\.test\./.test(file))).toEqual([]);

    const missing: string[] = [];
    for (const file of installed.files.filter((name) => name.endsWith('.js'))) {
      const code = await readFile(join(installed.packageDir, file), 'utf8');
      for (const [, specifier = ''] of code.matchAll(/(?:^import |^(?:import|export) .*from |\bimport\()'([^']+)'/gm)) {
        const name = /^(?:node:|@[^/]+\/[^/]+|[^/]+)/.exec(specifier)?.[0] ?? '';
        const found = specifier.startsWith('.')
          ? installed.files.includes(join(file, '..', specifier))
          : name === 'node:' || known.has(name);
        if (!found) missing.push(`${file} imports ${specifier}`);
      }
    }
    expect(missing).toEqual([]);
  });

  test('serves a model once the advice of its first error is followed', { timeout: buildTimeoutMs }, async () => {
    const model = ['--model', inject('shapesModelPath'), '--mmproj', inject('shapesMmprojPath'), '--devices', 'cpu'];
    const refusal = run(process.execPath, [program, 'serve', ...model, '--host', '127.0.0.1', '--port', '0']);
    const { stderr } = await refusal.then(
      () => ({ stderr: '' }),
      (error: { stderr: string }) => error,
    );
    expect(stderr).toMatch(/The native engine .* is not built/);
    const [, node = '', script = ''] = /Build it with: (node) "(.+)"$/m.exec(stderr) ?? [];
    expect(node).toBe('node');
    await run(process.execPath, [JSON.parse(`"${script}"`) as string]);

    const { projectDir } = installed;
    const vserve = await startVserve(model, { VSERVE_HOME: join(projectDir, 'home') }, program);
    const { messages, expected } = referenceCase('001');
    const content = messages[0]?.content.map((part) =>
      part.type === 'text' ? part : { type: 'image_url', image_url: { url: pictureDataUri(part.image) } },
    );
    expect(await answerOf(await chat(vserve.url, content))).toBe(expected);
    expect(await vserve.stop()).toBe(0);

    // npm's install script finds nothing left to do.
    const { scripts } = JSON.parse(await readFile(join(installed.packageDir, 'package.json'), 'utf8')) as {
      readonly scripts: { readonly install: string };
    };
    const [command = '', ...args] = scripts.install.split(' ');
    expect(await run(command, args, { cwd: installed.packageDir })).toEqual({ stdout: '', stderr: '' });
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
      error: { code: 'context_length_exceeded', type: 'invalid_request_error', param: null },
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
