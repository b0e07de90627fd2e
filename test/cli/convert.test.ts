import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { fakeBackend, runVserve, temporaryFolder } from './run-vserve.ts';

let folder: string;
beforeEach(async () => {
  folder = await temporaryFolder();
  await mkdir(join(folder, 'checkpoint'));
  await writeFile(join(folder, 'checkpoint', 'config.json'), '{}');
});

test('writes the GGUF files and prints their paths', async () => {
  const { code, stdout } = await runVserve(folder, ['convert', 'checkpoint', 'out', '--outtype', 'f16']).exit();
  expect(stdout).toBe(`${join(folder, 'out', 'model.gguf')}\n${join(folder, 'out', 'mmproj.gguf')}\n`);
  expect(await readFile(join(folder, 'out', 'model.gguf'), 'utf8')).toBe('GGUF');
  expect(await readdir(folder)).toEqual(['checkpoint', 'out']);
  expect(code).toBe(0);
});

test('overwrites nothing', async () => {
  await mkdir(join(folder, 'out'));
  await writeFile(join(folder, 'out', 'model.gguf'), 'precious');
  const { code, stderr } = await runVserve(folder, ['convert', 'checkpoint', 'out']).exit();
  expect(stderr).toMatch(/^Error: The folder .*out is not empty\. Nothing was overwritten/);
  expect(await readFile(join(folder, 'out', 'model.gguf'), 'utf8')).toBe('precious');
  expect(code).toBe(2);
});

test('leaves nothing behind at Ctrl+C', async () => {
  await writeFile(join(folder, 'checkpoint', 'slow'), '');
  const vserve = runVserve(folder, ['convert', 'checkpoint', 'out']);
  await vserve.until(/Converting/);
  vserve.kill('SIGINT');
  expect((await vserve.exit()).code).toBe(130);
  expect(await readdir(folder)).toEqual(['checkpoint']);
});

test('refuses a type that it does not know', async () => {
  const { code, stderr } = await runVserve(folder, ['convert', 'checkpoint', 'out', '--outtype', 'q3_k']).exit();
  expect(stderr).toMatch(/A checkpoint cannot be converted to q3_k, .* takes auto, f32, bf16, f16, q8_0, .* q4_0\./);
  expect(code).toBe(2);
});

test('puts the files into a folder that exists, which stays the same folder', async () => {
  await mkdir(join(folder, 'out'));
  const { ino } = await stat(join(folder, 'out'));
  expect((await runVserve(folder, ['convert', 'checkpoint', 'out']).exit()).code).toBe(0);
  expect(await readdir(join(folder, 'out'))).toEqual(['mmproj.gguf', 'model.gguf']);
  expect((await stat(join(folder, 'out'))).ino).toBe(ino);
});

test('says that the destination is a file', async () => {
  await writeFile(join(folder, 'out'), '');
  const { code, stderr } = await runVserve(folder, ['convert', 'checkpoint', 'out']).exit();
  expect(stderr).toMatch(/^Error: .*out is a file, or below one\./);
  expect(code).toBe(2);
});

test('removes what a killed conversion left, and the work of a running one not', async () => {
  await writeFile(join(folder, 'checkpoint', 'slow'), '');
  const killed = runVserve(folder, ['convert', 'checkpoint', 'out']);
  await killed.until(/Converting/);
  killed.kill('SIGKILL');
  await killed.exit();
  const running = runVserve(folder, ['convert', 'checkpoint', 'out']);
  await running.until(/Converting/);
  expect((await readdir(folder)).filter((name) => name.startsWith('.out.'))).toHaveLength(1);
  await rm(join(folder, 'checkpoint', 'slow'));
  expect((await runVserve(folder, ['convert', 'checkpoint', 'out']).exit()).code).toBe(0);
  expect((await readdir(folder)).filter((name) => name.startsWith('.out.'))).toHaveLength(1);
  running.kill('SIGINT');
  await running.exit();
});

test("says that a backend does not include llama.cpp's converter", async () => {
  const args = ['convert', 'checkpoint', 'out', '--converter', 'llama.cpp', '--backend', fakeBackend];
  const { code, stderr } = await runVserve(folder, args).exit();
  expect(stderr).toMatch(/^Error: The backend fake does not include llama\.cpp's converter\. Omit --converter/);
  expect(code).toBe(2);
});

test('says of a source that is not there, or is no folder, just that', async () => {
  await writeFile(join(folder, 'file'), '');
  for (const [source, reason] of [
    ['nowhere', 'does not exist'],
    ['file', 'is a file'],
  ] as const) {
    const { code, stderr } = await runVserve(folder, ['convert', source, 'out']).exit();
    expect(stderr).toMatch(`Error: The folder ${source} ${reason}.`);
    expect(code).toBe(2);
  }
});
