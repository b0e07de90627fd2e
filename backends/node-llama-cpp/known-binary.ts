import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Llama, LlamaLogLevel } from 'node-llama-cpp';
import { dryRunProgram } from './addon-loader.ts';
import { findingKey, Findings } from './findings.ts';

const require = createRequire(import.meta.url);

/** How node-llama-cpp makes a `Llama` of a binary that it has tested: not in its types, but fixed by the pinned version. */
interface LlamaClass {
  _create(options: object): Promise<Llama>;
}

/** What a driver puts there for every GPU that a program can use (Linux). */
const gpuDevices = ['/dev/dri', '/dev/nvidiactl', '/dev/nvidia0', '/dev/nvmap', '/dev/kfd', '/dev/dxg'];

/** Whether there could be a GPU, as far as a look at the system tells. */
export function mayHaveGpu(): boolean {
  return process.platform !== 'linux' || gpuDevices.some((path) => existsSync(path));
}

/**
 * llama.cpp on the CPU, by the binary that ran here before. Before it loads one, node-llama-cpp tries it in a process of its
 * own, which takes as long as starting this one. Undefined for one that has not been tried, or has changed.
 */
export async function startKnownBinary(cacheFolder: string | undefined): Promise<Llama | undefined> {
  if (process.platform !== 'linux' || cacheFolder === undefined) return undefined;
  const folder = binaryFolder();
  if (folder === undefined || (await new Findings(cacheFolder).find(await keyOf(folder))) !== true) return undefined;
  const bindingPath = join(folder, 'llama-addon.node');
  const buildMetadata = JSON.parse(await readFile(join(folder, '_nlcBuildMetadata.json'), 'utf8')) as object;
  return (Llama as unknown as LlamaClass)._create({
    bindings: require(bindingPath),
    bindingPath,
    buildType: 'prebuilt',
    buildMetadata,
    logLevel: LlamaLogLevel.info,
    logger: () => undefined,
    vramPadding: 0,
    ramPadding: 0,
    tempDir: false,
  });
}

/** The binary of the CPU works here. */
export async function rememberBinary(cacheFolder: string | undefined): Promise<void> {
  if (process.platform !== 'linux' || cacheFolder === undefined) return;
  const folder = binaryFolder();
  if (folder !== undefined) await new Findings(cacheFolder).keep(await keyOf(folder), true);
}

function binaryFolder(): string | undefined {
  try {
    return dryRunProgram().libraryDir;
  } catch {
    return undefined; // that it is not built is told elsewhere
  }
}

async function keyOf(folder: string): Promise<string> {
  const files = (await readdir(folder)).filter((name) => /\.(node|so|json)/.test(name));
  return findingKey(
    files.map((name) => join(folder, name)),
    ['binary', process.version],
  );
}
