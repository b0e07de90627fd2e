import { appendFile, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Converter, PrepareModelOptions } from '../../src/store/index.ts';

/** An empty folder that goes when the test ends. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'vserve-store-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A folder that looks like a checkpoint: a small configuration, and weights of three mebibytes. */
export async function checkpoint(parent: string, name = 'tiny'): Promise<string> {
  const folder = join(parent, name);
  await mkdir(folder);
  await writeFile(join(folder, 'config.json'), '{"architectures":["Tiny"]}');
  await writeFile(join(folder, 'model.safetensors'), Buffer.alloc(3 * 1024 * 1024, 7));
  return folder;
}

/** A GGUF file as far as the store looks at one. */
export async function gguf(folder: string, name: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, 'GGUF and so on');
  return path;
}

export interface FakeConverter extends Converter {
  converterVersion: string;
  /** Conversions so far, by output type. */
  readonly conversions: string[];
}

/** Stands for the converter: writes two small files and counts. */
export function fakeConverter(overrides: Partial<Converter> = {}): FakeConverter {
  const conversions: string[] = [];
  return {
    converterVersion: '1',
    conversions,
    checkpointFiles: async (folder) => (await readdir(folder)).filter((name) => !name.endsWith('.md')),
    async convertCheckpoint({ destinationDir, outtype, onProgress }) {
      conversions.push(outtype);
      const modelPath = await gguf(destinationDir, 'model.gguf');
      onProgress({ file: 'model.gguf', bytesWritten: 14, bytesTotal: 14 });
      await appendFile(modelPath, outtype);
      return { modelPath, mmprojPath: await gguf(destinationDir, 'mmproj.gguf'), architecture: 'tiny', outtype: 'f16' };
    },
    ...overrides,
  };
}

/** Options for `prepareModel`, with a log that can be read. */
export function preparation(
  home: string,
  model: string,
  overrides: Partial<PrepareModelOptions> = {},
): PrepareModelOptions & { readonly lines: string[] } {
  const lines: string[] = [];
  return {
    model,
    mmproj: undefined,
    outtype: 'auto',
    home,
    loadConverter: () => Promise.reject(new Error('no conversion was expected')),
    onProgress: () => undefined,
    log: (level, message) => lines.push(`${level}: ${message}`),
    signal: new AbortController().signal,
    lines,
    ...overrides,
  };
}
