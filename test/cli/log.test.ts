import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { LogFile } from '../../src/cli/log-file.ts';
import { runVserve, temporaryFolder } from './run-vserve.ts';

const ready = /Server ready on (http:\/\/127\.0\.0\.1:\d+) /;

let folder: string;
beforeEach(async () => {
  folder = await temporaryFolder();
});

function serve(args: readonly string[] = [], environment: NodeJS.ProcessEnv = {}) {
  return runVserve(folder, ['serve', '--backend', 'echo', '--metrics-endpoint-port', 'off', ...args], environment, {
    isReal: true,
  });
}

async function ask(url: string): Promise<void> {
  const body = JSON.stringify({ model: 'echo', messages: [{ role: 'user', content: 'a b' }] });
  const response = await fetch(`${url}/v1/chat/completions`, { method: 'POST', body });
  expect(response.status).toBe(200);
  await response.text();
}

function linesOf(text: string): { level: string; message: string; [fact: string]: unknown }[] {
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { level: string; message: string });
}

describe('the log', () => {
  test.each([
    [['--log-format', 'json'], {}],
    [[], { MODULAR_STRUCTURED_LOGGING: '1' }],
  ])('is an object a line where a program reads it: %j %j', async (args, environment) => {
    const vserve = serve([...args, '--log-prefix', 'first: '], environment);
    const [, url = ''] = await vserve.until(ready);
    await ask(url);
    vserve.kill('SIGTERM');
    const { stderr } = await vserve.exit();
    const lines = linesOf(
      stderr
        .split('\n')
        .filter((line) => line.startsWith('{'))
        .join('\n'),
    );
    const line = lines.find(({ path }) => path === '/v1/chat/completions');
    expect(line).toMatchObject({ level: 'info', status: 200, model: 'echo', promptTokens: 2, completionTokens: 2 });
    expect(line?.message).toMatch(/^first: .*echo: prompt 2 tokens/);
    expect(lines.at(-1)?.message).toBe('first: Stopped.');
  });

  test('is in a file, too, with a level of its own, and with the error that ends the server', async () => {
    const files = ['--log-file', 'vserve.log', '--log-file-level', 'DEBUG', '--log-level', 'ERROR'];
    const vserve = serve(files);
    const [, url = ''] = await vserve.until(ready);
    await ask(url);
    vserve.kill('SIGTERM');
    expect(await vserve.exit()).toMatchObject({ code: 0, stderr: '' });
    expect((await serve([...files, '--api-key-file', 'none']).exit()).code).not.toBe(0);
    const text = await readFile(join(folder, 'vserve.log'), 'utf8');
    expect(text).toMatch(/INFO {4}\S+ POST \/v1\/chat\/completions 200[^]*INFO {4}Stopped\.\n[^]*ERROR {3}.*none/);
    expect(text).not.toContain('\u001B');
  });

  test('tells at SIGUSR1 what the server is doing', async () => {
    const vserve = serve();
    await vserve.until(ready);
    vserve.kill('SIGUSR1');
    await vserve.until(/INFO {4}echo on none, for \d+ s\n {2}Sequences: 0 of 8 running[^]*Requests: none/);
    vserve.kill('SIGTERM');
    const { code, stderr } = await vserve.exit();
    expect(stderr).not.toMatch(/[Dd]ebugger/);
    expect(code).toBe(0);
  });

  test('in a place that cannot be written is a mistake', async () => {
    const { code, stderr } = await serve(['--log-file', '.']).exit();
    expect(stderr).toMatch(/^Error: The log file \. cannot be written \(it is a folder\)/);
    expect(code).toBe(2);
  });
});

describe('a log file', () => {
  test('is put aside at its size, and the oldest goes', async () => {
    const path = join(folder, 'a.log');
    await writeFile(path, 'before\n');
    const file = await LogFile.open({ path, maxBytes: 1000, maxFiles: 2, onLost: () => undefined });
    for (let line = 0; line < 100; line += 1) file.write(`line ${line} ${'x'.repeat(90)}`);
    await file.close();
    expect((await readdir(folder)).sort()).toEqual(['a.log', 'a.log.1', 'a.log.2']);
    const texts = await Promise.all(['.2', '.1', ''].map((end) => readFile(path + end, 'utf8')));
    const numbers = [...texts.join('').matchAll(/^line (\d+) /gm)].map(([, number]) => Number(number));
    expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, i) => 100 - numbers.length + i));
  });

  test('that fails loses lines, says so once, and nothing else', async () => {
    const lost: string[] = [];
    const path = join(folder, 'gone', 'a.log');
    await mkdir(join(folder, 'gone'));
    const file = await LogFile.open({ path, maxBytes: 1, maxFiles: 1, onLost: (why) => lost.push(why) });
    await rm(join(folder, 'gone'), { recursive: true });
    await writeFile(join(folder, 'gone'), '');
    for (let line = 0; line < 5; line += 1) file.write('line');
    await file.close();
    expect(lost).toEqual(['ENOTDIR']);
  });
});
