/**
 * Generates .oxlintrc.imports.json, the lint rules on the direction of imports, from the table below. After changing it,
 * run
 *
 *     npm run docs
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { scriptArguments } from './arguments.ts';

/** Every room of the source, and the rooms that it may import. */
export const mayImport: Readonly<Record<string, readonly string[]>> = {
  'src/errors': [],
  'src/formats': ['src/errors'],
  'src/gguf': ['src/formats', 'src/errors'],
  'src/gguf-choice': ['src/gguf', 'src/formats', 'src/errors'],
  'src/backend': ['src/errors'],
  'src/boxes': [],
  'src/conversion': [],
  'src/media': ['src/backend', 'src/formats', 'src/errors'],
  'src/api': ['src/backend', 'src/errors'],
  'src/hub': ['src/gguf-choice', 'src/gguf', 'src/formats', 'src/errors'],
  'src/convert': ['src/conversion', 'src/gguf', 'src/formats', 'src/errors'],
  'src/store': ['src/hub', 'src/conversion', 'src/backend', 'src/gguf-choice', 'src/gguf', 'src/formats', 'src/errors'],
  'src/client': ['src/errors'],
  'src/settings': ['src/backend', 'src/conversion', 'src/formats', 'src/errors'],
  'src/playground': ['src/boxes'],
  'src/server': ['src/api', 'src/media', 'src/backend', 'src/formats', 'src/errors'],
  'src/cli': [
    'src/settings',
    'src/client',
    'src/server',
    'src/store',
    'src/hub',
    'src/convert',
    'src/conversion',
    'src/media',
    'src/boxes',
    'src/backend',
    'src/gguf-choice',
    'src/gguf',
    'src/formats',
    'src/errors',
  ],
  'backends/echo': ['src/backend', 'src/errors'],
  'backends/openai': ['src/backend', 'src/errors'],
  'backends/node-llama-cpp': ['src/backend', 'src/gguf', 'src/formats', 'src/errors'],
};

/** Folders that import the source and are never imported by it. */
const around = ['bin', 'dist', 'scripts', 'test'];

/** The folders of src/api: a wire format each, which do not import one another, and what they share. */
export const wireFormats: readonly string[] = [
  'adapters',
  'chat',
  'completions',
  'embeddings',
  'files',
  'messages',
  'ollama',
  'responses',
  'tokens',
];
export const sharedByFormats: readonly string[] = ['answer', 'model', 'request'];

/** Matches relative paths out of a room into one of these: `../store/index.ts`, `../../src/store/index.ts`. */
function pathsInto(rooms: readonly string[]): string {
  const namesIn = (floor: string): string =>
    rooms
      .filter((room) => room.startsWith(`${floor}/`))
      .map((room) => room.slice(floor.length + 1))
      .join('|');
  const floors = ['src', 'backends'].map((floor) => `(${floor}/)?(${namesIn(floor)})`);
  return `^(\\.\\./)+(${[...floors, ...around].join('|')})/`;
}

function ruleFor(room: string, ...more: object[]): object {
  const allowed = mayImport[room] ?? [];
  const forbidden = Object.keys(mayImport).filter((other) => other !== room && !allowed.includes(other));
  const message = `${room} may import ${allowed.join(', ') || 'no other room'}: see scripts/import-rules.ts.`;
  return { 'no-restricted-imports': ['error', { patterns: [{ regex: pathsInto(forbidden), message }, ...more] }] };
}

function ruleForFormat(format: string): object {
  const others = wireFormats.filter((other) => other !== format);
  const message = 'Wire formats do not import one another. Put what they share into src/api/request or src/api/answer.';
  return others.length === 0
    ? ruleFor('src/api')
    : ruleFor('src/api', { regex: `^(\\.\\./)+(${others.join('|')})/`, message });
}

/** The oxlint configuration that .oxlintrc.json extends. */
export function importRules(): object {
  const rooms = Object.keys(mayImport).map((room) => ({ files: [`${room}/**`], rules: ruleFor(room) }));
  // The last matching override decides. What formats share imports none of them.
  const inApi = [...wireFormats, ...sharedByFormats].map((folder) => ({
    files: [`src/api/${folder}/**`],
    rules: ruleForFormat(folder),
  }));
  return { overrides: [...rooms, ...inApi] };
}

/** The text of .oxlintrc.imports.json. */
export function importRulesText(): string {
  return `${JSON.stringify(importRules(), null, 2)}\n`;
}

if (process.argv[1] === import.meta.filename) {
  scriptArguments({});
  await writeFile(join(import.meta.dirname, '..', '..', '.oxlintrc.imports.json'), importRulesText());
}
