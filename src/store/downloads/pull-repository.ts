import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import type { LogLevel, ModelFiles } from '../../backend/index.ts';
import type { Converter, Outtype } from '../../conversion/index.ts';
import { VserveError } from '../../errors/index.ts';
import type {
  Choice,
  DownloadedModel,
  downloadModel,
  DownloadEvent,
  DownloadRequest,
  fetchHeaders,
  HubSettings,
} from '../../hub/index.ts';
import { requireRepositoryId } from '../../hub/names.ts';
import type { BackendChoice } from '../conversions/choose-for-backend.ts';
import { MEMORY_SHARE } from '../conversions/choose-precision.ts';
import { needsQuantizer } from '../conversions/make-model.ts';
import { precisionNamed, requirePrecision } from '../conversions/precision.ts';
import { checkGguf } from '../gguf-files.ts';
import { lockPath, withLock } from '../locks/lock.ts';
import { repositoryFolder } from './snapshot.ts';
import type { RepositoryCommit } from './snapshot.ts';

/** How models come from the Hub. */
export interface HubAccess {
  /** Loads the client when it is needed. */
  readonly load: () => Promise<{
    readonly downloadModel: typeof downloadModel;
    readonly fetchHeaders: typeof fetchHeaders;
  }>;
  /** The address of the Hub, and the token. */
  readonly settings: () => Promise<HubSettings>;
  /** As given to `--huggingface-model-revision`. */
  readonly revision: string;
  /** As given to `--weight-path`. */
  readonly weightPath: string | undefined;
  readonly forceDownload: boolean;
  readonly userAgent: string;
  readonly onEvent: (event: DownloadEvent) => void;
}

/** The Hub, and the folder for its files. */
export interface StoreAccess {
  readonly hub: HubAccess;
  /** Folder of the store. */
  readonly home: string;
  readonly log: (level: LogLevel, message: string) => void;
  readonly signal: AbortSignal;
}

export interface PullOptions extends StoreAccess {
  /** As given to `--mmproj`: a file in the repository, or one on the disk. */
  readonly mmproj: string | undefined;
  /** As `AskedPrecisions` has them. */
  readonly precision: string;
  readonly mmprojOuttype: Outtype;
  /** What `auto` does if no GGUF model fits the memory; `refuse` unless it is only to describe one. */
  readonly ifNoneFits?: 'refuse' | 'smallest';
  readonly backend: BackendChoice;
  readonly loadConverter: () => Promise<Converter>;
}

/** Disk space that a conversion takes, as a multiple of a 16-bit checkpoint. */
const conversionShares: Readonly<Record<string, number>> = { f32: 2, q8_0: 0.6 };
/** The checkpoint's own precision comes first, and both exist at the same time. */
const QUANTIZATION_SHARE = 1.5;

/** The request to the Hub for a repository. */
export async function downloadRequest(repository: string, options: PullOptions): Promise<DownloadRequest> {
  const precision = precisionNamed(options.precision) ?? 'auto';
  const share = conversionShares[precision] ?? (needsQuantizer(precision) ? QUANTIZATION_SHARE : 1);
  return {
    ...(await requestTo(repository, options)),
    choice: await choiceOf(options),
    conversionBytes: (weightBytes) => weightBytes * share,
  };
}

/**
 * Downloads a repository's model into the store. Concurrent processes share one download. Throws what `downloadModel`
 * throws.
 */
export async function pullRepository(repository: string, options: PullOptions): Promise<DownloadedModel> {
  return download(await downloadRequest(repository, options), options);
}

/** Downloads some files of a repository, by their paths within it. Throws what `downloadModel` throws. */
export async function pullFiles(
  repository: string,
  paths: readonly string[],
  options: StoreAccess,
): Promise<DownloadedModel> {
  const request = await requestTo(repository, options);
  return download({ ...request, choice: { paths }, conversionBytes: () => 0 }, options);
}

/** Downloads files of a snapshot, by their paths within it. Throws what `downloadModel` throws. */
export async function fetchFiles(
  { repository, commit }: RepositoryCommit,
  paths: readonly string[],
  options: StoreAccess,
): Promise<void> {
  const request = await requestTo(repository, options);
  const here = { revision: commit, forceDownload: false, choice: { paths }, conversionBytes: () => 0 };
  await download({ ...request, ...here }, options);
}

async function requestTo(
  repository: string,
  { hub, home, signal }: StoreAccess,
): Promise<Omit<DownloadRequest, 'choice' | 'conversionBytes'>> {
  requireRepositoryId(repository);
  const { revision, forceDownload, userAgent, onEvent } = hub;
  const settings = await hub.settings();
  return { repository, revision, settings, forceDownload, userAgent, onEvent, folder: join(home, 'hub'), signal };
}

async function download(request: DownloadRequest, { hub, home, log, signal }: StoreAccess): Promise<DownloadedModel> {
  const { repository } = request;
  const { downloadModel } = await hub.load();
  const onWait = (owner: { pid: number } | undefined): void => {
    const who = owner === undefined ? 'Another vserve' : `Another vserve (process ${owner.pid})`;
    log('info', `${who} is downloading ${repository}: waiting for it.`);
  };
  const lock = lockPath(home, basename(repositoryFolder(home, repository)));
  return withLock(lock, { signal, onWait }, () => downloadModel(request));
}

/** The GGUF files of a repository; undefined for a checkpoint. Throws `gguf_invalid`. */
export async function ggufOf({ folder, gguf }: DownloadedModel, options: PullOptions): Promise<ModelFiles | undefined> {
  if (gguf === undefined) return undefined;
  const modelPath = join(folder, gguf.model);
  const local = localProjector(options.mmproj);
  const mmprojPath = local ?? (gguf.mmproj === undefined ? undefined : join(folder, gguf.mmproj));
  await checkGguf(modelPath);
  if (mmprojPath === undefined) {
    options.log(
      'info',
      'The repository has no projector (mmproj) for it: serving text only. For images, give one with --mmproj.',
    );
  } else {
    await checkGguf(mmprojPath);
  }
  return { modelPath, mmprojPath };
}

/** Throws `invalid_setting` for options that only apply to a model of the Hub. */
export function refuseHubOptions({ weightPath, revision, forceDownload }: HubAccess, path: string): void {
  const given = [
    ...(weightPath === undefined ? [] : ['--weight-path']),
    ...(revision === 'main' ? [] : ['--huggingface-model-revision']),
    ...(forceDownload ? ['--force-download'] : []),
  ];
  if (given.length === 0) return;
  const message = `${given.join(', ')}: only for a model of the Hugging Face Hub (org/name), and ${path} is on this machine. Remove the option.`;
  throw new VserveError('invalid_setting', message);
}

async function choiceOf(options: PullOptions): Promise<Choice> {
  const { hub, precision, mmprojOuttype, backend, loadConverter, ifNoneFits = 'refuse' } = options;
  refuseTwoProjectors(options);
  const local = localProjector(options.mmproj);
  return {
    encoding: precision,
    isGgufOnly: precisionNamed(precision) === undefined,
    mmprojEncoding: mmprojOuttype,
    weightPath: hub.weightPath,
    mmproj: local === undefined ? options.mmproj : undefined,
    otherProjectorBytes: local === undefined ? undefined : (await stat(local)).size,
    memoryBytes: () => usableMemory(backend, options.signal),
    takesAdapter: true,
    ifNoneFits,
    checkConfig: async (config) => {
      requirePrecision(precision);
      return (await loadConverter()).checkConfig(config);
    },
  };
}

/** Memory that a model may take; undefined if the backend does not know. Throws what the backend throws about its devices. */
export async function usableMemory(
  { load, devices, cacheFolder }: BackendChoice,
  signal: AbortSignal,
): Promise<number | undefined> {
  const memory = await (await load()).deviceMemory?.(devices, { log: () => undefined, signal, cacheFolder });
  return memory && memory.freeBytes * MEMORY_SHARE;
}

/** Throws `invalid_setting` for a projector that is asked for by its name and by its type. */
export function refuseTwoProjectors({ mmproj, mmprojOuttype }: Pick<PullOptions, 'mmproj' | 'mmprojOuttype'>): void {
  if (mmproj === undefined || mmprojOuttype === 'auto') return;
  const message = `--mmproj and --mmproj-quantization-encoding both select a projector. Remove one of them.`;
  throw new VserveError('invalid_setting', message, { param: 'mmprojQuantizationEncoding' });
}

function localProjector(mmproj: string | undefined): string | undefined {
  return mmproj !== undefined && existsSync(mmproj) ? resolve(mmproj) : undefined;
}
