import { execFileSync } from 'node:child_process';
import { copyFile, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { startVserve, type VserveProcess } from '../support/vserve-process.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vserve-failures-'));
});
afterAll(() => rm(folder, { recursive: true }));

const start = (modelPath: string, environment: Readonly<Record<string, string>> = {}): Promise<VserveProcess> =>
  startVserve(['--model', modelPath, '--served-model-name', 'shapes', '--threads', '1'], {
    VSERVE_HOME: join(folder, 'home'),
    ...environment,
  });

function ask({ url }: VserveProcess, content: string): Promise<Response> {
  return fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'shapes', messages: [{ role: 'user', content }], max_tokens: 3, temperature: 0 }),
  });
}

test.skipIf(process.platform !== 'linux')('what llama.cpp throws ends the request, not the server', async () => {
  const library = join(folder, 'throwing-decode.so');
  const source = join(import.meta.dirname, 'throwing-decode.cpp');
  execFileSync(process.env['CXX'] ?? 'c++', ['-std=c++17', '-shared', '-fPIC', source, '-ldl', '-o', library]);
  const file = join(folder, 'throw');
  const server = await start(inject('shapesModelPath'), { LD_PRELOAD: library, THROWING_DECODE: file });
  const before = (await (await ask(server, 'Hello')).json()) as { choices: unknown };
  await writeFile(file, '');
  const failed = await Promise.all([ask(server, 'Hello'), ask(server, 'Who are you?')]);
  for (const response of failed) {
    expect(response.status).toBe(500);
    expect(await response.json()).toMatchObject({
      error: { code: 'generation_failed', message: expect.stringContaining('no memory for the batch') as unknown },
    });
  }
  await rm(file);
  const after = (await (await ask(server, 'Hello')).json()) as { choices: unknown };
  expect(after.choices).toEqual(before.choices);
  expect(await server.stop()).toBe(0);
});

test.skipIf(process.platform === 'win32')('a model file that is cut short is named as the process ends', async () => {
  const modelPath = join(folder, 'model.gguf');
  await copyFile(inject('shapesModelPath'), modelPath);
  const server = await start(modelPath);
  await truncate(modelPath, 1000);
  await expect(ask(server, 'Hello')).rejects.toThrow();
  expect(await server.stop('SIGCONT')).toBe('SIGBUS');
  expect(server.stderr()).toMatch(/SIGBUS.*model\.gguf \(\d+ bytes when it was loaded, 1000 now\)/);
});

test('a model file that is too short for its header is refused by name', async () => {
  const modelPath = join(folder, 'short.gguf');
  await copyFile(inject('shapesModelPath'), modelPath);
  await truncate(modelPath, 2_000_000);
  await expect(start(modelPath)).rejects.toThrow(/short\.gguf could not be loaded[^]*not within the file bounds/);
});

test('a second signal ends the process at once, in the middle of an answer', async () => {
  const server = await start(inject('shapesModelPath'));
  const { body } = await fetch(`${server.url}/v1/chat/completions`, {
    method: 'POST',
    body: JSON.stringify({ messages: [{ role: 'user', content: 'Hi' }], stream: true, ignore_eos: true }),
  });
  await body?.getReader().read();
  process.kill(server.pid, 'SIGTERM');
  while (!server.stderr().includes('Stopping')) await new Promise(setImmediate);
  expect(await server.stop('SIGTERM')).toBe('SIGTERM');
});
