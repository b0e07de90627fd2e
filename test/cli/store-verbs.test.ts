import { execFile } from 'node:child_process';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeEach, describe, expect, inject, test } from 'vitest';
import { supportedArchitectures } from '../../src/convert/index.ts';
import { shapesCheckpointDir } from '../support/shapes.ts';
import { fakeBackend, runVserve, temporaryFolder } from './run-vserve.ts';

let folder: string;
beforeEach(async () => {
  folder = await temporaryFolder();
  await mkdir(join(folder, 'checkpoint'));
  await writeFile(join(folder, 'checkpoint', 'config.json'), '{}');
});

/** Serves the checkpoint, which converts it. */
async function serve() {
  const server = runVserve(folder, ['serve', '--model', 'checkpoint', '--backend', fakeBackend]);
  await server.until(/Server ready/);
  return server;
}

/** Serves it once, and stops. */
async function convert(): Promise<void> {
  const server = await serve();
  server.kill('SIGTERM');
  await server.exit();
}

async function vserve(...args: string[]) {
  return runVserve(folder, args).exit();
}

test('list shows what is there, for people and as JSON', async () => {
  expect(await vserve('list')).toMatchObject({ code: 0, stdout: '', stderr: expect.stringMatching(/No models in/) });
  await convert();
  const { stdout } = await vserve('list');
  expect(stdout).toMatch(
    /^MODEL +TYPE +PRECISION +SIZE +COMMIT +DATE +ID\n\S+checkpoint +converted +f16 +8 B +- +\S+ \S+ +[0-9a-f]{16}\n$/,
  );
  expect(JSON.parse((await vserve('list', '--json')).stdout)).toMatchObject([
    { type: 'converted', name: join(folder, 'checkpoint'), precision: 'f16', bytes: 8, usedBy: [] },
  ]);
});

test('rm refuses what is served, and removes it after that', async () => {
  const server = await serve();
  const used = /process (\d+)/.exec((await vserve('list')).stdout)?.[1];
  const refused = await vserve('rm', 'checkpoint');
  expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining(`served by process ${used}`) });
  server.kill('SIGTERM');
  await server.exit();
  expect(await vserve('rm', 'checkpoint')).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^Removed \S+checkpoint \(f16, 8 B\)\n$/),
  });
  expect(await readdir(join(folder, 'home', 'converted'))).toEqual([]);
  expect(await vserve('rm', 'checkpoint')).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/is not a model in/),
  });
});

test('verify repairs a damaged model, and fails where it cannot', async () => {
  await convert();
  expect(await vserve('verify')).toMatchObject({ code: 0, stderr: expect.stringMatching(/^All 2 files are intact/m) });
  const [name = ''] = await readdir(join(folder, 'home', 'converted'));
  const model = join(folder, 'home', 'converted', name, 'model.gguf');
  await writeFile(model, 'GGUG');
  expect(await vserve('verify')).toMatchObject({ code: 0, stdout: expect.stringMatching(/^repaired +\S+model\.gguf/) });
  await writeFile(model, 'GGUG');
  await writeFile(join(folder, 'checkpoint', 'config.json'), '{"changed":true}');
  const failed = await vserve('verify');
  expect(failed).toMatchObject({ code: 1, stderr: expect.stringMatching(/1 of 2 files is damaged/) });
  expect(failed.stdout).toMatch(/^damaged +\S+model\.gguf\n +It cannot be converted again/);
});

test('gc tells what it would remove, and removes it', async () => {
  await convert();
  const left = join(folder, 'home', 'converting', '0123456789abcdef.left');
  await mkdir(left, { recursive: true });
  await writeFile(join(left, 'model.gguf'), 'half');
  const dry = await vserve('gc', '--dry-run');
  expect(dry).toMatchObject({ code: 0, stdout: expect.stringContaining(left), stderr: 'Would remove 4 B.\n' });
  expect(await vserve('gc')).toMatchObject({ code: 0, stdout: dry.stdout, stderr: 'Removed 4 B.\n' });
  expect(await vserve('gc')).toMatchObject({ code: 0, stdout: '', stderr: 'Removed 0 B.\n' });
});

describe('of the real converter', () => {
  const program = join(import.meta.dirname, '../../bin/vserve.js');
  async function real(...args: string[]): Promise<string> {
    const environment = { ...process.env, VSERVE_HOME: join(folder, 'home') };
    return (await promisify(execFile)(process.execPath, [program, ...args], { env: environment })).stdout;
  }

  test('list --architectures names every architecture', async () => {
    const rows = (await real('list', '--architectures')).trimEnd().split('\n');
    expect(rows.slice(1).map((row) => row.split(/ +/))).toEqual(
      supportedArchitectures().map(({ architecture, family, vision }) => [architecture, family, vision ? 'yes' : 'no']),
    );
  });

  test('show tells what a checkpoint is and what can be made of it, and makes nothing', async () => {
    const text = await real('show', shapesCheckpointDir, '--devices', 'cpu');
    expect(text).toMatch(
      /^ +Architecture +Gemma3ForConditionalGeneration\n +Family +gemma3\n +In llama\.cpp +gemma3$/m,
    );
    expect(text).toMatch(/^ +Parameters +1\.68 million$/m);
    expect(text).toMatch(/^ +Memory +\S+ [kMGT]B free \(cpu\)$/m);
    expect(text).toMatch(/^ +Sampling +top_k 40, top_p 0\.95, temp 0\.7$/m);
    expect(text).toMatch(/^ +bf16 +4\.2 MB +7\.4 MB +yes +what auto takes$/m);
    expect(text).toMatch(/^ +q4_0 +1\.9 MB +5\.1 MB +yes$/m);
    await expect(readdir(join(folder, 'home'))).rejects.toThrow(/ENOENT/);
  });

  test('show names a checkpoint the same in JSON', async () => {
    const shown: unknown = JSON.parse(await real('show', shapesCheckpointDir, '--json', '--devices', 'cpu'));
    const architecture = 'Gemma3ForConditionalGeneration';
    expect(shown).toMatchObject({ description: { architecture, family: 'gemma3', inLlamaCpp: 'gemma3' } });
  });

  test('show tells the same of a .gguf file, as JSON', async () => {
    const shown: unknown = JSON.parse(await real('show', inject('shapesModelPath'), '--json', '--devices', 'cpu'));
    expect(shown).toMatchObject({
      type: 'gguf',
      description: { family: 'gemma3', precision: 'bf16', parameters: 1_682_944, visionParameters: 336_672 },
      precisions: [{ precision: 'bf16', fits: true }],
      memory: { device: 'cpu' },
    });
  });
});

test.each(['list', 'gc', 'verify'])('%s says that VSERVE_HOME is a file', async (verb) => {
  await writeFile(join(folder, 'home'), '');
  const { code, stderr } = await runVserve(folder, [verb]).exit();
  expect(stderr).toMatch(/^Error: VSERVE_HOME in the environment is .*home, which is not a folder\./);
  expect(code).toBe(2);
});

test('list works beside a .env that cannot be read', async () => {
  await mkdir(join(folder, '.env'));
  const { code, stderr } = await runVserve(folder, ['list']).exit();
  expect(stderr).toMatch(/WARNING \.env is skipped: it is not a regular file/);
  expect(code).toBe(0);
});
