import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';

interface Client {
  readonly name: string;
  readonly environment: string;
  readonly package: string;
  readonly script: string;
}

interface Case {
  readonly outcome: string;
  readonly text: string;
}

interface Row {
  readonly name: string;
  readonly version?: string;
  readonly cases: readonly Case[];
}

const folder = fileURLToPath(new URL('../../scripts/clients', import.meta.url));

/** A module of the scripts, which have no types of their own. */
async function scriptModule<Module>(name: string): Promise<Module> {
  return (await import(pathToFileURL(join(folder, name)).href)) as Module;
}

const { clients } = await scriptModule<{ clients: readonly Client[] }>('client-table.mjs');
const { resultsOf, tableOf } = await scriptModule<{
  readonly resultsOf: (output: string, ended: { status: number | null; signal: string | null }) => Case[];
  readonly tableOf: (rows: readonly Row[]) => string;
}>('results.mjs');

function runClients(...parameters: string[]) {
  return spawnSync(process.execPath, [join(folder, 'run.mjs'), ...parameters], { encoding: 'utf8' });
}

test.each(clients)('the client $name has its script, and is installed in one exact version', (client) => {
  const isPython = client.script.endsWith('.py');
  expect(existsSync(join(folder, isPython ? 'python' : 'javascript', client.script))).toBe(true);
  const environment = join(folder, 'environments', client.environment);
  const versions: Record<string, string> = isPython ? requirements(`${environment}.txt`) : dependencies(environment);
  expect(Object.keys(versions)).toContain(client.package);
  for (const version of Object.values(versions)) expect(version).toMatch(/^\d+(\.\d+)+$/);
});

function dependencies(environment: string): Record<string, string> {
  const manifest = JSON.parse(readFileSync(join(environment, 'package.json'), 'utf8')) as {
    readonly dependencies: Record<string, string>;
  };
  return manifest.dependencies;
}

function requirements(path: string): Record<string, string> {
  const lines = readFileSync(path, 'utf8').trim().split('\n');
  return Object.fromEntries(
    lines.map((line) => {
      const [name = '', version = ''] = line.split('==');
      return [name.replace(/\[.*\]$/, '').replaceAll('_', '-'), version];
    }),
  );
}

test('the clients can be listed and chosen, and one that is not there is named', () => {
  expect(runClients('--list').stdout.trim().split('\n')).toEqual(clients.map(({ name }) => name));
  expect(runClients('--list', '--only', 'llm,docling').stdout).toBe('llm\ndocling\n');
  const unknown = runClients('--only', 'llm,nothing');
  expect(unknown.status).toBe(2);
  expect(unknown.stderr).toContain('Not a client: nothing. There are openai-js,');
});

test('a client that says nothing, or ends with an error that no case has, has failed', () => {
  const ended = { status: 0, signal: null };
  const output = 'noise\nok      chat\nskipped a picture: no web\nfailed  a call: no call\nok then\n';
  expect(resultsOf(output, { status: 1, signal: null })).toEqual([
    { outcome: 'ok', text: 'chat' },
    { outcome: 'skipped', text: 'a picture: no web' },
    { outcome: 'failed', text: 'a call: no call' },
  ]);
  expect(resultsOf('ok      chat\n', ended)).toEqual([{ outcome: 'ok', text: 'chat' }]);
  for (const [said, how] of [
    ['', ended],
    ['ok      chat\n', { status: 3, signal: null }],
    ['ok      chat\n', { status: null, signal: 'SIGKILL' }],
  ] as const) {
    expect(resultsOf(said, how).at(-1)).toMatchObject({ outcome: 'failed' });
  }
});

test('the table has a row for each client, with why a case failed or was skipped', () => {
  const cases = [
    { outcome: 'ok', text: 'chat' },
    { outcome: 'failed', text: 'a call: a | b' },
  ];
  expect(tableOf([{ name: 'llm', version: '0.1', cases }]).split('\n')).toEqual([
    '| client | version | passed | failed | skipped | notes |',
    '|--------|---------|--------|--------|---------|-------|',
    '| llm    | 0.1     | 1      | 1      |         | failed: a call: a \\| b |',
  ]);
});
