import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Backend } from '../../src/backend/index.ts';
import type { HubAccess, Converter, ModelDescription, PrepareModelOptions } from '../../src/store/index.ts';

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
export async function gguf(
  folder: string,
  name: string,
  content: string | Uint8Array = 'GGUF and so on',
): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

/** What the stand-in converter says of every checkpoint: 7 kB in its own precision. */
export const description: ModelDescription = {
  architecture: 'Tiny',
  family: 'tiny',
  parameters: 3000,
  contextLength: 10,
  contextBytesPerToken: 100,
  precision: 'f16',
  mmprojBytes: 1000,
  sizes: [
    { precision: 'f16', bytes: 6000 },
    { precision: 'q8_0', bytes: 3000 },
    { precision: 'q6_k', bytes: 2500 },
    { precision: 'q4_0', bytes: 2000 },
  ],
};

/** A backend that only makes models smaller: it writes the type behind what it finds. */
export function fakeBackend(overrides: Partial<Backend> = {}): Backend {
  return {
    name: 'fake',
    specificationVersion: 1,
    load: () => Promise.reject(new Error('no model was to be loaded')),
    quantizer: {
      version: '1',
      quantize: async ({ sourcePath, destinationPath, type }) =>
        writeFile(destinationPath, `${await readFile(sourcePath, 'utf8')} ${type}`),
    },
    ...overrides,
  };
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
    checkConfig: async () => ({ hasVision: true }),
    checkpointFiles: async (folder) => (await readdir(folder)).filter((name) => !name.endsWith('.md')),
    describeCheckpoint: async () => description,
    findNonFinite: async () => [],
    describeGguf: () => Promise.reject(new Error('no GGUF file was expected')),
    async convertCheckpoint({ destinationDir, outtype, onProgress }) {
      conversions.push(outtype);
      const modelPath = await gguf(destinationDir, 'model.gguf');
      onProgress({ file: 'model.gguf', bytesWritten: 14, bytesTotal: 14 });
      await appendFile(modelPath, outtype);
      return { modelPath, mmprojPath: await gguf(destinationDir, 'mmproj.gguf') };
    },
    ...overrides,
  };
}

/** Access to the Hub for models that are on the disk. */
export const noHub: HubAccess = {
  load: () => Promise.reject(new Error('the Hub was not to be asked')),
  settings: () => Promise.reject(new Error('the Hub was not to be asked')),
  revision: 'main',
  weightPath: undefined,
  forceDownload: false,
  userAgent: 'vserve/test',
  onEvent: () => undefined,
};

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
    precision: 'auto',
    mmprojOuttype: 'auto',
    backend: { load: async () => fakeBackend(), devices: 'auto' },
    hub: noHub,
    home,
    loadConverter: () => Promise.reject(new Error('no conversion was expected')),
    onProgress: () => undefined,
    log: (level, message) => lines.push(`${level}: ${message}`),
    signal: new AbortController().signal,
    lines,
    ...overrides,
  };
}
