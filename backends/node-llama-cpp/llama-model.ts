import { AsyncLocalStorage } from 'node:async_hooks';
import type { Llama, LlamaModel } from 'node-llama-cpp';
import { InsufficientMemoryError, Llama as LlamaClass, LlamaLogLevel } from 'node-llama-cpp';
import type { LoadOptions, LogLevel } from '../../src/backend/index.ts';
import { VserveError } from '../../src/errors/index.ts';
import { type BegunModel, mustStayAsInFile, requireMlock, type WeightSettings } from './begun-model.ts';
import { loadCpuModel } from './cpu-model.ts';
import { checkDevices, type DeviceChoice, restrictToDevices } from './devices.ts';
import type { GpuPlan } from './gpu-placement.ts';
import { cpuBinaryFolder, isKnownBinary, mayUseGpu, rememberBinary } from './known-binary.ts';
import type { NativeAddon } from './native-addon.ts';
import { claimStart, type HeldLog, openBinary, type OpenBinary } from './open-binary.ts';
import { splitFiles } from './split-files.ts';

const logLevels: Readonly<Record<LlamaLogLevel, LogLevel>> = {
  [LlamaLogLevel.disabled]: 'debug',
  [LlamaLogLevel.fatal]: 'error',
  [LlamaLogLevel.error]: 'warning',
  [LlamaLogLevel.warn]: 'debug',
  [LlamaLogLevel.info]: 'debug',
  [LlamaLogLevel.log]: 'debug',
  [LlamaLogLevel.debug]: 'debug',
};

type StartOptions = Pick<LoadOptions, 'log' | 'signal' | 'cacheFolder'>;

/** What llama.cpp called errors since the last start: its exceptions say less. */
const recentErrors: string[] = [];
const started = new Map<string, Promise<Llama>>();
/** Of binaries that were opened by `openBinary`. */
const heldLogs = new WeakMap<Llama, HeldLog>();

/** How node-llama-cpp makes a `Llama` of a binary that it has tested: not in its types, but fixed by the pinned version. */
interface Inside {
  _create(options: object): Promise<Llama>;
}
interface TakesLog {
  _onAddonLog(level: number, text: string): void;
}

/**
 * Starts llama.cpp on the chosen devices, once in the life of the process: llama.cpp's log and device state are global,
 * and disposing one instance would take them from another. The last caller's `log` gets what llama.cpp says. `opened`: the
 * CPU's binary, where it was opened before. Throws `device_unavailable`, `native_addon_missing`, `out_of_memory`, or the
 * signal's reason.
 */
export async function startLlama(devices: DeviceChoice, options: StartOptions, opened?: OpenBinary): Promise<Llama> {
  const { log, signal } = options;
  const key = JSON.stringify(devices);
  const starting = started.get(key) ?? start(devices, options, opened);
  started.set(key, starting);
  let llama: Llama;
  try {
    llama = await starting;
  } catch (error) {
    started.delete(key);
    signal.throwIfAborted();
    throw error;
  }
  signal.throwIfAborted();
  recentErrors.length = 0;
  llama.logger = (level, message) => {
    if (level === LlamaLogLevel.error) recentErrors.push(message.trim());
    const refusedLock = message.includes('failed to') && message.includes('mlock');
    log(refusedLock ? 'warning' : logLevels[level], `llama.cpp: ${message.trim()}`);
  };
  heldLogs.get(llama)?.listen((level, text) => (llama as unknown as TakesLog)._onAddonLog(level, text));
  return llama;
}

/**
 * Lowers what llama.cpp says to `debug`, once a model is loaded: what goes wrong then is thrown, and a request that was
 * cancelled in the middle of a batch is an error to llama.cpp only.
 */
export function quieten(llama: Llama, log: LoadOptions['log']): void {
  llama.logger = (_level, message) => {
    log('debug', `llama.cpp: ${message.trim()}`);
  };
}

async function start(devices: DeviceChoice, options: StartOptions, opened?: OpenBinary): Promise<Llama> {
  if (devices.indices !== undefined) restrictToDevices(devices.indices);
  claimStart();
  let llama = opened === undefined ? await load(devices, options) : await llamaOf(opened);
  // A driver's library can be there without a device: the CPU's own variant is the better one then.
  if (llama.gpu !== false && (await llama.getGpuDeviceNames()).length === 0) {
    await llama.dispose();
    llama = await load({ ...devices, gpu: 'never' }, options);
  }
  if (devices.gpu === 'require' && llama.gpu === false) {
    await llama.dispose();
    throw new VserveError(
      'device_unavailable',
      'No GPU can be used: none was found, or its driver is missing. Check it with "npx node-llama-cpp inspect gpu", or start with --devices cpu.',
    );
  }
  if (devices.indices !== undefined && llama.gpu !== false) {
    try {
      checkDevices(devices.indices, llama.gpu, await llama.getGpuDeviceNames());
    } catch (error) {
      await llama.dispose();
      throw error;
    }
  }
  watchModels(llama);
  return llama;
}

async function load(devices: DeviceChoice, options: StartOptions): Promise<Llama> {
  const folder = cpuBinaryFolder();
  if (folder !== undefined && !mayUseGpu(devices) && (await isKnownBinary(options.cacheFolder))) {
    return llamaOf(await openBinary(folder));
  }
  // Where the binary is known, a start does without node-llama-cpp's search for one.
  const { startTested } = await import('./tested-binary.ts');
  const llama = await startTested(devices.gpu === 'never' ? false : 'auto', options);
  if (llama.gpu === false) await rememberBinary(options.cacheFolder);
  return llama;
}

async function llamaOf({ binding, bindingPath, buildMetadata, log }: OpenBinary): Promise<Llama> {
  const llama = await (LlamaClass as unknown as Inside)._create({
    bindings: binding,
    bindingPath,
    buildType: 'prebuilt',
    buildMetadata,
    logLevel: LlamaLogLevel.info,
    logger: () => undefined,
    vramPadding: 0,
    ramPadding: 0,
    tempDir: false,
    // It is, and its log has a listener.
    skipLlamaInit: true,
  });
  heldLogs.set(llama, log);
  return llama;
}

/** Of node-llama-cpp's own objects for models: not in its types, but fixed by the pinned version. */
type AddonModelClass = new (...given: never[]) => object;

/** What is done to node-llama-cpp's `AddonModel` before it loads: node-llama-cpp has no settings for it. */
const beforeLoading = new AsyncLocalStorage<(model: object) => void>();
let modelsLoading = 0;

/** Loads with `prepare` as what is done before. */
async function loadAfter<Loaded>(prepare: (model: object) => void, load: () => Promise<Loaded>): Promise<Loaded> {
  modelsLoading += 1;
  try {
    return await beforeLoading.run(prepare, load);
  } finally {
    modelsLoading -= 1;
    // While it is enabled, Node calls hooks for every promise of the process.
    if (modelsLoading === 0) beforeLoading.disable();
  }
}

/** Lets `beforeLoading` change how models are loaded. */
function watchModels(llama: Llama): void {
  const inside = llama as unknown as { _bindings: { AddonModel: AddonModelClass } };
  const { AddonModel } = inside._bindings;
  const model = class extends AddonModel {
    constructor(...given: never[]) {
      super(...given);
      beforeLoading.getStore()?.(this);
    }
  };
  inside._bindings = Object.create(inside._bindings, { AddonModel: { value: model } }) as typeof inside._bindings;
}

/**
 * Loads the weights of a file whose header was read, layers onto the GPUs as `gpuPlan` says, or goes on with a model that was
 * begun. Throws `out_of_memory`, `model_load_failed`, `invalid_setting`.
 */
export async function loadModel(
  llama: Llama,
  addon: NativeAddon,
  modelPath: string,
  gpuPlan: Pick<GpuPlan, 'gpuLayers' | 'shares'> | undefined,
  { mmap, mlock, mayRepack }: WeightSettings,
  options: LoadOptions,
  begun?: BegunModel,
): Promise<LlamaModel> {
  requireMlock(mlock, llama.supportsMlock);
  const onLoadProgress = (fraction: number): void => options.onProgress('model', fraction);
  const load = (): Promise<LlamaModel> => {
    if (llama.gpu === false && splitFiles(modelPath).length === 1) {
      return loadCpuModel(llama, modelPath, { mmap, mlock, onProgress: onLoadProgress, signal: options.signal }, begun);
    }
    return llama.loadModel({
      modelPath,
      gpuLayers: gpuPlan?.gpuLayers ?? 0,
      // The plan leaves as much free as the user wants.
      ignoreMemorySafetyChecks: gpuPlan !== undefined,
      useMmap: mmap ? 'auto' : false,
      useMlock: mlock,
      loadSignal: options.signal,
      onLoadProgress,
    });
  };
  try {
    return await loadAfter((addonModel) => {
      if (mustStayAsInFile(llama.systemInfo, mayRepack)) addon.keepWeightsAsInFile(addonModel);
      if (gpuPlan !== undefined && gpuPlan.shares.length > 1) addon.splitLayers(addonModel, gpuPlan.shares);
    }, load);
  } catch (cause) {
    options.signal.throwIfAborted();
    const reason = cause instanceof Error ? cause.message : String(cause);
    if (cause instanceof InsufficientMemoryError) {
      throw new VserveError(
        'out_of_memory',
        `There is not enough memory for ${modelPath}: ${reason}\nClose other programs, take a smaller model or precision, or lower --max-length.`,
        { cause },
      );
    }
    const said = recentErrors.map((line) => `\n  ${line}`).join('');
    throw new VserveError(
      'model_load_failed',
      `The model ${modelPath} could not be loaded: ${reason}${said}\nThe file may be damaged or incomplete: download or convert it again.`,
      { cause },
    );
  }
}
