import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { fakeBackend, model, runVserve, temporaryFolder } from './run-vserve.ts';

const ready = /Server ready on (http:\/\/127\.0\.0\.1:\d+) /;

let folder: string;
beforeEach(async () => {
  folder = await temporaryFolder();
});

async function serve(name: string, ...more: readonly string[]) {
  const args = [
    'serve',
    '--backend',
    fakeBackend,
    '--model',
    await model(folder),
    '--served-model-name',
    name,
    ...more,
  ];
  const vserve = runVserve(folder, args);
  const [, url = ''] = await vserve.until(ready);
  return { ...vserve, url };
}

async function list(): Promise<object[]> {
  const { stdout } = await runVserve(folder, ['ps', '--json']).exit();
  return JSON.parse(stdout) as object[];
}

test('running servers are listed, and stopped by id, port or model', async () => {
  const first = await serve('first');
  const second = await serve('second');
  expect(await list()).toMatchObject([
    { pid: first.pid, model: 'first', urls: [first.url], state: 'ready' },
    { pid: second.pid, model: 'second', urls: [second.url], state: 'ready' },
  ]);
  const table = await runVserve(folder, ['ps']).exit();
  expect(table.stdout).toMatch(new RegExp(`^PID .*\\n${first.pid} +first +${first.url} +ready `));

  const unclear = await runVserve(folder, ['stop']).exit();
  expect(unclear.stderr).toMatch(/^Error: Several servers are running: .*first.*second/);
  expect(unclear.code).toBe(2);
  const wrong = await runVserve(folder, ['stop', 'third']).exit();
  expect(wrong.stderr).toMatch(/^Error: No server of this user is "third"\. Running are /);

  const stopped = await runVserve(folder, ['stop', new URL(second.url).port]).exit();
  expect(stopped).toMatchObject({ code: 0, stdout: `Stopped ${second.pid} (second)\n` });
  expect((await second.exit()).code).toBe(0);
  expect(await list()).toMatchObject([{ model: 'first' }]);
  expect((await runVserve(folder, ['stop']).exit()).stdout).toBe(`Stopped ${first.pid} (first)\n`);
  expect((await first.exit()).code).toBe(0);
  expect(await readdir(join(folder, 'run'))).toEqual([]);
  expect((await runVserve(folder, ['stop', '--all']).exit()).stderr).toBe('No server of this user is running.\n');
});

test('a server that was killed is not listed, nor is another process with its id', async () => {
  const server = await serve('killed');
  server.kill('SIGKILL');
  await server.exit();
  const about = {
    host: hostname(),
    model: 'other',
    urls: [],
    state: 'ready',
    version: '1',
    startedAt: new Date().toISOString(),
  };
  const path = join(folder, 'run', `${process.pid}.json`);
  await mkdir(join(folder, 'run'), { recursive: true });
  await writeFile(path, JSON.stringify({ ...about, pid: process.pid, processStart: '1' }));
  // Process ids of other machines mean nothing here.
  await writeFile(join(folder, 'run', '1.json'), JSON.stringify({ ...about, pid: process.pid, host: 'elsewhere' }));
  expect(await list()).toEqual([]);
  expect(await readdir(join(folder, 'run'))).toEqual(['1.json']);
});

test('a server that does not end in time is told, and killed only by force', async () => {
  const server = await serve('stuck');
  const patient = await runVserve(folder, ['stop', '--timeout-s', '0.2']).exit();
  expect(patient.stderr).toMatch(/^Error: Process \d+ is still running after 0\.2 s\..*--force/);
  expect(patient.code).toBe(1);
  expect(await list()).toMatchObject([{ model: 'stuck', state: 'stopping' }]);
  expect((await runVserve(folder, ['stop', '--timeout-s', '0', '--force']).exit()).code).toBe(0);
  // The second SIGTERM ends it as well, if it comes first.
  expect([137, 143]).toContain((await server.exit()).code);
});
