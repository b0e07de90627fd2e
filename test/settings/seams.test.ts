import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { expect, it } from 'vitest';
import { defaultLoadSettings, settingNames } from '../../src/settings/index.ts';

const root = join(import.meta.dirname, '../..');

/** The text of all files of a folder with this ending, but for those whose path in it begins with `without`. */
function textOf(folder: string, ending: string, without?: string): string {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(ending))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => without === undefined || !relative(join(root, folder), path).startsWith(without))
    .map((path) => readFileSync(path, 'utf8'))
    .join('\n');
}

const has = (text: string, name: string): boolean => new RegExp(`\\b${name}\\b`).test(text);

/** The members of a C++ struct. */
function membersOf(file: string, name: string): string[] {
  const header = readFileSync(join(root, 'backends/node-llama-cpp/native/src', file), 'utf8');
  const body = new RegExp(`struct ${name} \\{([^]*?)\\n\\};`).exec(header)?.[1] ?? '';
  return [...body.matchAll(/^ {4}[\w:<>,() &*]+ (\w+)(?: = [^;]+|\{[^;]*)?;/gm)].map(([, member = '']) => member);
}

// What is declared and read by nothing is accepted and ignored.

it('every option is read by a verb, or passed to the backend', () => {
  const loader = textOf('src/settings', 'load-settings.ts');
  const readers = textOf('src/cli', '.ts') + loader + Object.keys(defaultLoadSettings).join(' ');
  expect(settingNames.filter((name) => !has(readers, name))).toEqual([]);
});

it('every setting of a backend is read by node-llama-cpp, or by openai', () => {
  const backend = textOf('backends/node-llama-cpp', '.ts', 'native-addon') + textOf('backends/openai', '.ts');
  expect(Object.keys(defaultLoadSettings).filter((name) => !has(backend, name))).toEqual([]);
});

it.each([
  ['engine.h', 'EngineOptions', 18],
  ['request.h', 'GenerationSettings', 12],
])('%s: every member of %s is used by the engine', (file, name, atLeast) => {
  const members = membersOf(file, name);
  expect(members.length).toBeGreaterThanOrEqual(atLeast);
  // Not counted: where JavaScript's values are written into them.
  const sources = 'backends/node-llama-cpp/native/src';
  const engine = textOf(sources, '.cpp', 'bindings/read-') + textOf(sources, '.h');
  expect(members.filter((member) => !new RegExp(`[.>]${member}\\b`).test(engine))).toEqual([]);
});
