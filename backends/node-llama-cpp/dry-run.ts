import { spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { text } from 'node:stream/consumers';
import type { LoadOptions, ModelFiles } from '../../src/backend/index.ts';
import { messageOf, VserveError } from '../../src/errors/index.ts';
import { buildCommand, dryRunProgram } from './addon-loader.ts';
import { throwIfInterrupted } from './binary-tests.ts';
import { findingKey, Findings } from './findings.ts';
import type { ProcessorChanges } from './image-budget/processor-changes.ts';
import { installedNodeLlamaCppVersion } from './installation.ts';
import { environmentWithLibraries } from './library-path.ts';
import { splitFiles } from './split-files.ts';

/** The stage of a dry run that comes after the model's, as it is written. */
const ofProjector = 'projector';

/** Bytes in which the largest picture is encoded; 0 without a projector, and for a model that embeds. */
export interface PictureMemory {
  readonly aloneBytes: number;
  /** With as many others as a GPU encodes at once. */
  readonly batchBytes: number;
  /** The most tokens of a picture that have to be decoded together; 0 where they are decoded in pieces. */
  readonly wholeTokens: number;
}

/** What a model is for. */
export interface DryRunOptions {
  /** It was trained to embed. */
  readonly embeds: boolean;
  /** No picture takes more. */
  readonly maxImageTokens: number;
  /** No picture is asked for with more. */
  readonly largest?: ProcessorChanges;
  /** The model's own chat template will not be used. */
  readonly hasOtherTemplate?: boolean;
}

/** What comes of trying files. */
export interface Trial {
  /** Whether they were tried before. */
  readonly isKnown: boolean;
  /** Resolves once llama.cpp has survived the model, and before it has tried the projector. */
  readonly model: Promise<void>;
  /** Resolves at the end. */
  readonly pictures: Promise<PictureMemory>;
}

/**
 * Begins a `dryRun`, which is done once for the same files: they are told by their size, times and place on the disk, and the
 * program that tries them by its own. What it throws, both promises reject with; somebody has to wait for the second.
 */
export async function tryFiles(
  files: ModelFiles,
  options: DryRunOptions,
  { cacheFolder, signal }: Pick<LoadOptions, 'cacheFolder' | 'signal'>,
): Promise<Trial> {
  const findings = new Findings(cacheFolder);
  const { path: program, libraryDir } = dryRunProgram();
  const { modelPath, mmprojPath } = files;
  const read = [program, ...splitFiles(modelPath), ...(mmprojPath === undefined ? [] : [mmprojPath])];
  const facts = ['dry run', installedNodeLlamaCppVersion(), libraryDir, ...argumentsFor(files, options)];
  const key = await findingKey(read, facts).catch(() => undefined);
  const known = key === undefined ? undefined : await findings.find(key);
  if (isPictureMemory(known)) return { isKnown: true, model: Promise.resolve(), pictures: Promise.resolve(known) };
  const news = new EventEmitter();
  const survived = once(news, 'model-tried').then(() => undefined);
  const run = dryRun(files, options, signal, () => news.emit('model-tried'));
  const pictures = run.then(async (found) => {
    // Files that changed meanwhile have another key now.
    if (key !== undefined && key === (await findingKey(read, facts).catch(() => undefined)))
      await findings.keep(key, found);
    return found;
  });
  const model = Promise.race([survived, run.then(() => undefined)]);
  model.catch(() => undefined);
  return { isKnown: false, model, pictures };
}

function isPictureMemory(value: unknown): value is PictureMemory {
  const { aloneBytes, batchBytes, wholeTokens } = (value ?? {}) as Partial<PictureMemory>;
  return [aloneBytes, batchBytes, wholeTokens].every((count) => Number.isSafeInteger(count));
}

/** What the program is told. */
function argumentsFor(
  { modelPath, mmprojPath = '' }: ModelFiles,
  { embeds, maxImageTokens, largest = {}, hasOtherTemplate = false }: DryRunOptions,
): readonly string[] {
  const limits = [String(maxImageTokens), ...argumentsOf(largest), ...(hasOtherTemplate ? ['other_template=1'] : [])];
  return [embeds ? 'embed' : 'generate', modelPath, mmprojPath, ...limits];
}

/**
 * Loads a model and its projector in a process of their own, as `native/src/dry-run.cpp` tells, which takes a fraction of
 * what loading them takes. llama.cpp trusts the header of a GGUF file in many places, and a value that it should not have
 * trusted ends the process that it runs in. `onModelTried` is called when the projector's turn comes. Throws
 * `model_load_failed`, `out_of_memory`, `native_addon_missing`, `native_addon_mismatch`; after an abort, its reason.
 */
export async function dryRun(
  files: ModelFiles,
  options: DryRunOptions,
  signal: AbortSignal,
  onModelTried: () => void = () => undefined,
): Promise<PictureMemory> {
  const { modelPath, mmprojPath } = files;
  signal.throwIfAborted();
  const { path: program, libraryDir } = dryRunProgram();
  // Windows looks for a program's libraries where it runs.
  const child = spawn(program, [libraryDir, ...argumentsFor(files, options)], {
    cwd: libraryDir,
    env: environmentWithLibraries(libraryDir),
    stdio: ['ignore', 'pipe', 'pipe'],
    killSignal: 'SIGKILL',
    signal,
  });
  const complained = text(child.stderr);
  // It says what it is at.
  let stages = '';
  child.stdout.setEncoding('utf8').on('data', (stage: string) => {
    stages += stage;
    if (stages.includes(ofProjector)) onModelTried();
  });
  let exitCode: number | null;
  let exitSignal: NodeJS.Signals | null;
  try {
    [exitCode, exitSignal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  } catch (cause) {
    signal.throwIfAborted();
    const message = `${program} could not be started: ${messageOf(cause)}.\nBuild it again with: ${buildCommand} --force`;
    throw new VserveError('native_addon_mismatch', message, { cause });
  }
  await throwIfInterrupted([exitSignal], signal);
  if (exitCode === 0) return pictureMemory(stages);
  if (exitSignal === 'SIGKILL') {
    const message = `${modelPath} could not be loaded: the process that tries it first ended with SIGKILL, most likely because the system ran out of memory. Close other programs, or give the container more memory.`;
    throw new VserveError('out_of_memory', message);
  }
  const complaints = await complained;
  const isOfProjector = stages.includes(ofProjector);
  const path = String(isOfProjector ? mmprojPath : modelPath);
  const end =
    exitCode === 1
      ? 'llama.cpp refuses it'
      : `what its header says would have ended the process (${exitSignal ?? `status ${String(exitCode)}`})`;
  const reasons = complaints
    .split('\n')
    .map((line) => line.trim().replace(/^\/.*\/llama\.cpp\//, '')) // in the folder of who compiled it
    .filter((line) => line !== '');
  throw new VserveError(
    'model_load_failed',
    `${path} could not be loaded: ${end}.${reasons.map((line) => `\n  ${line}`).join('')}\nThe file may be damaged or incomplete${isOfProjector ? ', or made for another model' : ''}: download or convert it again.`,
  );
}

/** What bounds the size of a picture. */
function argumentsOf({ minPixels, maxPixels, longestEdge, maxTiles }: ProcessorChanges): string[] {
  const settings = { min_pixels: minPixels, max_pixels: maxPixels, longest_edge: longestEdge, max_tiles: maxTiles };
  return Object.entries(settings).flatMap(([key, value]) => (value === undefined ? [] : [`${key}=${String(value)}`]));
}

/** Reads the last line of what the program says. */
function pictureMemory(output: string): PictureMemory {
  const [, alone = 0, batch = 0, whole = 0] = /^encoder (\d+) (\d+) (\d+)$/m.exec(output) ?? [];
  return { aloneBytes: Number(alone), batchBytes: Number(batch), wholeTokens: Number(whole) };
}
