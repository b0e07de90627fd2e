import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { VserveError } from '../../errors/index.ts';
import { additionalTemplatesFolder } from '../checkpoint/checkpoint-files.ts';
import { CheckpointFolder } from '../checkpoint/checkpoint-folder.ts';
import type { JsonObject } from '../checkpoint/checkpoint-folder.ts';
import { findNonFinite } from '../checkpoint/non-finite.ts';
import type { ConvertedModel, ConvertOptions } from '../convert-checkpoint.ts';
import { describeGguf } from '../describe.ts';
import type { ModelDescription } from '../../conversion/index.ts';
import { generationSettings } from '../metadata/generation-settings.ts';
import type { OutputFile } from '../plan/plan-conversion.ts';
import { unpackConverter } from './converter-source.ts';
import type { ConverterSource } from './converter-source.ts';
import { describeUnknown } from './describe-unknown.ts';
import { checkKnown, unknownArchitecture } from './known-architectures.ts';
import { findPython } from './find-python.ts';
import { runConverter } from './run-converter.ts';
import { runCode, runPython } from './run-python.ts';
import type { PythonResult } from './run-python.ts';

export interface LlamaCppConverterOptions {
  readonly source: ConverterSource;
  /** Folder that the converter is unpacked into, and stays in. */
  readonly toolsDir: string;
  /** The command that starts Python, where it is not `python3` or `python`. */
  readonly python: string | undefined;
}

/** How often the growing file's size is polled. */
const PROGRESS_MS = 200;

/** Prints a checkpoint's architectures and whether llama.cpp's converter supports them. Loads PyTorch. */
const askArchitecture = runCode(`
import json
from pathlib import Path
sys.path.insert(0, sys.argv[0])
from conversion import MMPROJ_MODEL_MAP, TEXT_MODEL_MAP, ModelBase, ModelType, get_model_architecture
config = ModelBase.load_hparams(Path(sys.argv[1]), False)
text = get_model_architecture(config, ModelType.TEXT)
encodes = any("vision" in key or "audio" in key for key in config)
projector = encodes and get_model_architecture(config, ModelType.MMPROJ) in MMPROJ_MODEL_MAP
print()
print(json.dumps({"architecture": text, "known": text in TEXT_MODEL_MAP, "projector": projector}))
`);

const architectureSchema = z.object({ architecture: z.string(), known: z.boolean(), projector: z.boolean() });

/** What identifies conversions by llama.cpp's converter, of whatever release. */
export const llamaCppVersionPrefix = 'llama.cpp ';

/** The version of conversions by a release's converter. The number changes with what this module adds to the files. */
export function llamaCppVersion(release: string): string {
  return `${llamaCppVersionPrefix}${release}, 2`;
}

/**
 * llama.cpp's own convert_hf_to_gguf.py, run by a Python of this machine, for architectures that this converter lacks. What
 * it does not write of generation_config.json is added. It has the shape of this module's own functions. Python's packages
 * are those that are installed, so another version of transformers may give other files.
 */
export class LlamaCppConverter {
  readonly converterVersion: string;
  readonly #options: LlamaCppConverterOptions;
  #python: string | undefined;

  constructor(options: LlamaCppConverterOptions) {
    this.#options = options;
    this.converterVersion = llamaCppVersion(options.source.release);
  }

  /** Throws `converter_unavailable`, `architecture_unsupported`, `checkpoint_invalid`. */
  async checkConfig(config: Readonly<Record<string, unknown>>): Promise<{ readonly hasVision: boolean }> {
    const folder = await mkdtemp(join(tmpdir(), 'vserve-config-'));
    try {
      await writeFile(join(folder, 'config.json'), JSON.stringify(config));
      const { projector } = await this.#architectureOf(folder, new AbortController().signal);
      return { hasVision: projector };
    } finally {
      await rm(folder, { recursive: true });
    }
  }

  /** Every file of the folder but models of other formats: which of them a conversion reads depends on the model. */
  async checkpointFiles(sourceDir: string): Promise<string[]> {
    const folder = new CheckpointFolder(sourceDir);
    const names = (await folder.list()).filter((name) => !/^\.|\.(?:gguf|bin|pth?|onnx|h5|msgpack)$/i.test(name));
    const templates = (await folder.list(additionalTemplatesFolder)).map(
      (name) => `${additionalTemplatesFolder}/${name}`,
    );
    const files = await Promise.all(
      [...names, ...templates].map(async (name) => ((await folder.has(name)) ? [name] : [])),
    );
    return files.flat().sort();
  }

  /**
   * An estimate: only the conversion knows better.
   *
   * Throws `architecture_unsupported`, and `converter_unavailable` without git; what `describeUnknown` throws.
   */
  async describeCheckpoint(sourceDir: string, signal: AbortSignal): Promise<ModelDescription> {
    const folder = new CheckpointFolder(sourceDir);
    await this.#checkKnown(await folder.json('config.json'), signal);
    return describeUnknown(folder);
  }

  describeGguf = describeGguf;

  findNonFinite = findNonFinite;

  /**
   * Converts a checkpoint. The files are written where they belong; after an error or an abort they are removed.
   *
   * Throws `converter_unavailable`, `architecture_unsupported`, `conversion_failed`, `disk_full`, and what
   *   `describeCheckpoint` throws
   * Throws the signal's reason when it is aborted.
   */
  async convertCheckpoint(options: ConvertOptions): Promise<ConvertedModel> {
    const { sourceDir, destinationDir, outtype, signal } = options;
    const { architecture, projector } = await this.#architectureOf(sourceDir, signal);
    const description = await this.describeCheckpoint(sourceDir, signal);
    const modelPath = join(destinationDir, 'model.gguf');
    const mmprojPath = projector ? join(destinationDir, 'mmproj.gguf') : undefined;
    const modelBytes = description.sizes.find(({ precision }) => precision === outtype)?.bytes;
    try {
      await this.#convertTo(modelPath, 'model.gguf', outtype, modelBytes ?? description.sizes[0]?.bytes ?? 0, options);
      if (mmprojPath !== undefined) {
        const type = options.mmprojOuttype ?? outtype;
        await this.#convertTo(mmprojPath, 'mmproj.gguf', type, description.mmprojBytes, options);
      }
    } catch (error) {
      for (const name of await readdir(destinationDir)) {
        if (name === 'model.gguf' || name === 'mmproj.gguf') await rm(join(destinationDir, name));
      }
      throw error;
    }
    return { modelPath, mmprojPath, architecture, outtype };
  }

  async #convertTo(
    path: string,
    file: OutputFile,
    outtype: string,
    expectedBytes: number,
    { sourceDir, modelName, onProgress, onWarning, signal }: ConvertOptions,
  ): Promise<void> {
    const folder = await this.#unpacked(signal);
    const more = file === 'model.gguf' ? await generationSettings(new CheckpointFolder(sourceDir)) : undefined;
    for (const warning of more?.warnings ?? []) onWarning?.(warning);
    const args = [
      JSON.stringify(Object.fromEntries(more?.keyValues ?? [])),
      join(folder, 'convert_hf_to_gguf.py'),
      sourceDir,
      '--outfile',
      path,
      '--outtype',
      outtype,
      ...(modelName === undefined ? [] : ['--model-name', modelName]),
      ...(file === 'mmproj.gguf' ? ['--mmproj'] : []),
    ];
    const report = async (): Promise<void> => {
      const bytesWritten = await sizeOf(path);
      onProgress({ file, bytesWritten, bytesTotal: Math.max(expectedBytes, bytesWritten) });
    };
    await report();
    const watch = setInterval(() => void report(), PROGRESS_MS);
    try {
      const result = await runPython(await this.#findPython(signal), runConverter, args, signal);
      if (result.ended !== 0) throw conversionError(result);
    } finally {
      clearInterval(watch);
    }
    const bytes = await sizeOf(path);
    if (bytes === 0) throw new VserveError('conversion_failed', "llama.cpp's converter ended and wrote no file.");
    onProgress({ file, bytesWritten: bytes, bytesTotal: bytes });
  }

  async #architectureOf(sourceDir: string, signal: AbortSignal): Promise<z.output<typeof architectureSchema>> {
    await this.#checkKnown(await new CheckpointFolder(sourceDir).json('config.json'), signal);
    const python = await this.#findPython(signal);
    const folder = await this.#unpacked(signal);
    const result = await runPython(python, askArchitecture, [folder, sourceDir], signal);
    if (result.ended !== 0) throw conversionError(result);
    const answer = architectureSchema.parse(JSON.parse(result.stdout.trim().split('\n').at(-1) ?? ''));
    if (answer.known) return answer;
    throw unknownArchitecture(answer.architecture, this.#options.source.release);
  }

  async #checkKnown(config: JsonObject, signal: AbortSignal): Promise<void> {
    await checkKnown(await this.#unpacked(signal), this.#options.source.release, config);
  }

  async #findPython(signal: AbortSignal): Promise<string> {
    this.#python ??= await findPython(this.#options.python, signal);
    return this.#python;
  }

  #unpacked(signal: AbortSignal): Promise<string> {
    return unpackConverter(this.#options.source, this.#options.toolsDir, signal);
  }
}

/** The last line that Python printed usually says why it failed. */
function conversionError({ stderr, ended }: PythonResult): VserveError {
  const cause = new Error(stderr.trim());
  const lines = stderr.split(/[\r\n]+/).filter((line) => line.trim() !== '');
  const last = lines.at(-1)?.trim() ?? 'it did not say why';
  if (/No space left on device|Disk quota exceeded/.test(stderr)) {
    return new VserveError('disk_full', `The disk filled up while llama.cpp's converter wrote to it.`, { cause });
  }
  const how = typeof ended === 'number' ? `exit code ${ended}` : (ended ?? 'not started');
  const advice = ended === 'SIGKILL' ? ' The system may have run out of memory.' : '';
  return new VserveError('conversion_failed', `llama.cpp's converter failed (${how}): ${last}${advice}`, { cause });
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => 0,
  );
}
