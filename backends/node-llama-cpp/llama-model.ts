import { AsyncLocalStorage } from 'node:async_hooks';
import type { Llama, LlamaModel } from 'node-llama-cpp';
import { getLlama, InsufficientMemoryError, LlamaLogLevel, NoBinaryFoundError } from 'node-llama-cpp';
import type { LoadOptions, LoadSettings, LogLevel } from '../../src/backend/index.ts';
import { VserveError } from '../../src/errors/index.ts';
import { BinaryTests, throwIfInterrupted } from './binary-tests.ts';
import { loadCpuModel } from './cpu-model.ts';
import { checkDevices, type DeviceChoice, restrictToDevices } from './devices.ts';
import type { GpuPlan } from './gpu-placement.ts';
import { mayHaveGpu, rememberBinary, startKnownBinary } from './known-binary.ts';
import type { ModelHeader } from './model-header.ts';
import type { NativeAddon } from './native-addon.ts';
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

/**
 * Starts llama.cpp on the chosen devices, once in the life of the process: llama.cpp's log and device state are global,
 * and disposing one instance would take them from another. The last caller's `log` gets what llama.cpp says.
 * Throws `device_unavailable`, `native_addon_missing`, `out_of_memory`, or the signal's reason.
 */
export async function startLlama(devices: DeviceChoice, options: StartOptions): Promise<Llama> {
  const { log, signal } = options;
  const key = JSON.stringify(devices);
  const starting = started.get(key) ?? start(devices, options);
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

async function start(devices: DeviceChoice, options: StartOptions): Promise<Llama> {
  if (devices.indices !== undefined) restrictToDevices(devices.indices);
  let llama = await load(devices.gpu === 'never' ? false : 'auto', options);
  // A driver's library can be there without a device: the CPU's own variant is the better one then.
  if (llama.gpu !== false && (await llama.getGpuDeviceNames()).length === 0) {
    await llama.dispose();
    llama = await load(false, options);
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

async function load(gpu: 'auto' | false, options: StartOptions): Promise<Llama> {
  const known = gpu === false || !mayHaveGpu() ? await startKnownBinary(options.cacheFolder) : undefined;
  if (known !== undefined) return known;
  const llama = await loadTested(gpu, options);
  if (llama.gpu === false) await rememberBinary(options.cacheFolder);
  return llama;
}

async function loadTested(gpu: 'auto' | false, { log, signal }: StartOptions): Promise<Llama> {
  const tests = new BinaryTests();
  try {
    const llama = await tests.during(() =>
      getLlama({
        gpu,
        build: 'never',
        skipDownload: true,
        progressLogs: false,
        logLevel: LlamaLogLevel.info,
        logger: () => undefined,
      }),
    );
    const [failure] = tests.failures;
    if (failure !== undefined) {
      const message = `llama.cpp runs on ${llama.gpu === false ? 'the CPU' : llama.gpu}: ${endOfTest(failure)}.`;
      log(typeof failure === 'number' ? 'info' : 'warning', message);
    }
    return llama;
  } catch (cause) {
    if (!(cause instanceof NoBinaryFoundError)) throw cause;
    await throwIfInterrupted(tests.failures, signal);
    throw noBinary(tests.failures, cause);
  }
}

function noBinary(failures: readonly (NodeJS.Signals | number)[], cause: Error): VserveError {
  const [failure] = failures;
  if (failures.includes('SIGKILL')) {
    const message = `llama.cpp could not be started: ${endOfTest('SIGKILL')}. Close other programs, or give the container more memory.`;
    return new VserveError('out_of_memory', message, { cause });
  }
  const message =
    failure === undefined
      ? 'node-llama-cpp has no binaries for this machine. They are optional dependencies: run npm install with --include=optional.'
      : `The binaries of node-llama-cpp do not run on this machine: ${endOfTest(failure)}. Run it again with --log-level DEBUG to see why.`;
  return new VserveError('native_addon_missing', message, { cause });
}

function endOfTest(failure: NodeJS.Signals | number): string {
  const end = typeof failure === 'number' ? `exit code ${String(failure)}` : failure;
  const reason = failure === 'SIGKILL' ? ', most likely because the system ran out of memory' : '';
  return `the process that tries a binary first ended with ${end}${reason}`;
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
 * Whether weights must stay laid out as in the file. On a CPU with AMX, ggml lays matrices out anew, and takes a stack of
 * them for one: a model whose graph multiplies by a stack gives nonsense, or ends the process (Kimi-VL's and DeepSeek's
 * latent attention, Gemma 3n). Of rows of 32 numbers its products are wrong.
 */
function mustStayAsInFile(llama: Llama, mayRepack: boolean): boolean {
  return !mayRepack && llama.systemInfo.includes('AMX_INT8 = 1');
}

/**
 * Loads the weights of a file whose header was read, layers onto the GPUs as `gpuPlan` says. Throws `out_of_memory`,
 * `model_load_failed`, `invalid_setting`.
 */
export async function loadModel(
  llama: Llama,
  addon: NativeAddon,
  modelPath: string,
  gpuPlan: Pick<GpuPlan, 'gpuLayers' | 'shares'> | undefined,
  { mmap, mlock, mayRepack }: Pick<LoadSettings, 'mmap' | 'mlock'> & Pick<ModelHeader, 'mayRepack'>,
  options: LoadOptions,
): Promise<LlamaModel> {
  if (mlock && !llama.supportsMlock) {
    throw new VserveError('invalid_setting', '--mlock is not possible on this system. Leave it out.');
  }
  const onLoadProgress = (fraction: number): void => options.onProgress('model', fraction);
  const load = (): Promise<LlamaModel> => {
    if (llama.gpu === false && splitFiles(modelPath).length === 1) {
      return loadCpuModel(llama, modelPath, { mmap, mlock, onProgress: onLoadProgress, signal: options.signal });
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
      if (mustStayAsInFile(llama, mayRepack)) addon.keepWeightsAsInFile(addonModel);
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
