import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const folder = fileURLToPath(new URL('../../scripts', import.meta.url));
const built = fileURLToPath(new URL('../../dist/scripts', import.meta.url));

/** Those that are run, and not only imported. */
const scripts = readdirSync(folder)
  .filter((name) => name.endsWith('.ts') && readFileSync(join(folder, name), 'utf8').startsWith('/**'))
  .map((name) => basename(name, '.ts'));

test('every script reads its arguments in the same way', () => {
  const others = scripts.filter(
    (name) => !/\bscriptArguments\(/.test(readFileSync(join(folder, `${name}.ts`), 'utf8')),
  );
  expect(others).toEqual([]);
  expect(scripts.length).toBeGreaterThan(10);
});

test.each([
  ['--help', 0, 'stdout'],
  ['--no-such-option', 2, 'stderr'],
] as const)('with %s a script says what it takes and ends with %i', (argument, exitCode, stream) => {
  const result = spawnSync(process.execPath, [join(built, 'kill-pull.js'), argument], { encoding: 'utf8' });
  expect(result.status).toBe(exitCode);
  expect(result[stream]).toContain('node dist/scripts/kill-pull.js [--kills 50]');
  expect(result.stdout + result.stderr).not.toContain('    at ');
});
