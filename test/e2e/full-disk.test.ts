import { execFile, execFileSync } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, inject, onTestFinished, test } from 'vitest';
import { shapesCheckpointDir } from '../support/shapes.ts';

const program = join(import.meta.dirname, '../../bin/vserve.js');

/** Whether files can be limited in size: a write past the limit fails as one to a full disk does. */
function canLimitFiles(): boolean {
  try {
    execFileSync('prlimit', ['--fsize=1000', 'true']);
    return true;
  } catch {
    return false;
  }
}

/** Converts the embedded checkpoint in a process whose files may have so many bytes. */
async function convert(folder: string, precision: string, maxFileBytes: number | undefined) {
  const command = [process.execPath, program, 'convert', shapesCheckpointDir, join(folder, 'out')];
  const limit = maxFileBytes === undefined ? [] : ['prlimit', `--fsize=${maxFileBytes}`];
  const [file, ...args] = [...limit, ...command, '--quantization-encoding', precision];
  return promisify(execFile)(file, args).then(
    ({ stdout }) => ({ code: 0, stdout, stderr: '' }),
    (error: unknown) => error as { code: number; stdout: string; stderr: string },
  );
}

// The converted model has 3.4 MB and its mmproj 0.8 MB.
const limits: readonly [string, string, number][] = [
  ['while the model is converted', 'bfloat16', 2_000_000],
  ['while the mmproj is converted', 'bfloat16', 500_000],
  ['while the model is converted for a quantization', 'q4_k_m', 3_000_000],
];
test.runIf(canLimitFiles()).each(limits)('a disk that is full %s', async (_, precision, maxFileBytes) => {
  const folder = await mkdtemp(join(tmpdir(), 'vserve-full-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const failed = await convert(folder, precision, maxFileBytes);
  expect(failed.stderr).toMatch(/^Error: .*(disk|full).*/im);
  expect(failed.code).toBe(1);
  expect(await readdir(folder)).toEqual([]);
  expect(await convert(folder, precision, undefined)).toMatchObject({ code: 0 });
});

test.runIf(canLimitFiles())('a disk that is full while a model is quantized', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'vserve-full-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const backend = new URL('../../dist/backends/node-llama-cpp/index.js', import.meta.url).href;
  const request = JSON.stringify({
    sourcePath: inject('shapesModelPath'),
    destinationPath: join(folder, 'model.gguf'),
    type: 'q4_0',
  });
  const code = `import backend from '${backend}';
    process.on('SIGXFSZ', () => undefined);
    await backend.quantizer
      .quantize({ ...${request}, onProgress: () => undefined, signal: new AbortController().signal })
      .catch((error) => console.log(error.code, error.message));
    process.exit();`;
  const script = join(folder, 'quantize.mjs');
  await writeFile(script, code);
  const { stdout } = await promisify(execFile)('prlimit', ['--fsize=600000', process.execPath, script]);
  expect(stdout).toMatch(/^disk_full .*model\.gguf could not be quantized to q4_0: File too large/);
});
