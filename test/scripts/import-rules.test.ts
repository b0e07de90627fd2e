import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { importRules, mayImport, sharedByFormats, wireFormats } from '../../scripts/import-rules.ts';

const repository = join(import.meta.dirname, '../..');
const oxlint = join(repository, 'node_modules', 'oxlint', 'bin', 'oxlint');
const rooms = Object.keys(mayImport);

interface Finding {
  readonly filename: string;
  readonly code: string;
  readonly help: string;
}

/** Runs the project's lint configuration over these files (path → text) in a folder of their own. */
async function lint(files: Readonly<Record<string, string>>): Promise<readonly Finding[]> {
  const folder = await mkdtemp(join(tmpdir(), 'vserve-lint-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  for (const name of ['.oxlintrc.json', '.oxlintrc.imports.json']) await cp(join(repository, name), join(folder, name));
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  const options = { cwd: folder, maxBuffer: 2 ** 26 };
  const { stdout } = await promisify(execFile)(process.execPath, [oxlint, '--format', 'json'], options).catch(
    (error: { stdout: string }) => error,
  );
  return (JSON.parse(stdout) as { diagnostics: readonly Finding[] }).diagnostics;
}

/** A module that imports a type from another, as is done across rooms. */
function importing(from: string, to: string): string {
  const path = relative(dirname(from), to);
  return `export type { A } from '${path.startsWith('.') ? path : `./${path}`}';\n`;
}

test('.oxlintrc.imports.json is that of the table (npm run docs)', async () => {
  expect(JSON.parse(await readFile(join(repository, '.oxlintrc.imports.json'), 'utf8'))).toEqual(importRules());
});

test('every folder of src and backends is a room of the table, and no code is outside of them', async () => {
  for (const floor of ['src', 'backends']) {
    const entries = await readdir(join(repository, floor), { withFileTypes: true });
    const names = entries.map((entry) => (entry.isDirectory() ? `${floor}/${entry.name}` : entry.name));
    expect(rooms).toEqual(expect.arrayContaining(names));
  }
});

test('an import that the table does not allow is refused, from any depth, and no other', async () => {
  const targets = [...rooms, 'scripts', 'test', 'bin', 'dist'];
  const files: Record<string, string> = {};
  const expected: string[] = [];
  for (const target of targets) files[`${target}/index.ts`] = 'export type A = 1;\n';
  for (const room of rooms) {
    for (const target of targets.filter((other) => other !== room)) {
      for (const folder of [room, `${room}/inner`, `${room}/inner/most`]) {
        const path = `${folder}/to-${target.replace('/', '-')}.ts`;
        files[path] = importing(path, `${target}/index.ts`);
        if (!mayImport[room]?.includes(target)) expected.push(path);
      }
    }
  }
  const refused = (await lint(files)).filter(({ code }) => code === 'eslint(no-restricted-imports)');
  expect(refused.map(({ filename }) => filename).toSorted()).toEqual(expected.toSorted());
});

test('every folder of src/api is a wire format or shared by them', async () => {
  const entries = await readdir(join(repository, 'src/api'), { withFileTypes: true });
  const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  expect([...wireFormats, ...sharedByFormats].toSorted()).toEqual(folders.toSorted());
});

test('wire formats do not import one another, and what they share imports none of them', async () => {
  const files: Record<string, string> = { 'src/api/error-json.ts': 'export type A = 1;\n' };
  const folders = [...wireFormats, ...sharedByFormats];
  const expected: string[] = [];
  for (const folder of folders) files[`src/api/${folder}/index.ts`] = 'export type A = 1;\n';
  for (const folder of folders) {
    files[`src/api/${folder}/beside.ts`] = importing(`src/api/${folder}/beside.ts`, 'src/api/error-json.ts');
    for (const other of folders.filter((name) => name !== folder)) {
      const path = `src/api/${folder}/to-${other}.ts`;
      files[path] = importing(path, `src/api/${other}/index.ts`);
      if (wireFormats.includes(other)) expected.push(path);
    }
  }
  const findings = (await lint(files)).filter(({ code }) => code === 'eslint(no-restricted-imports)');
  expect(findings.map(({ filename }) => filename).toSorted()).toEqual(expected.toSorted());
  for (const { help } of findings) expect(help).toContain('Wire formats do not');
});

test('a circle of imports is refused, of types too', async () => {
  const findings = await lint({
    'src/media/a.ts': "import type { B } from './b.ts';\nexport type A = B;\n",
    'src/media/b.ts': "import type { A } from './a.ts';\nexport type B = A;\n",
  });
  expect(findings.map(({ code }) => code)).toContain('import(no-cycle)');
});
