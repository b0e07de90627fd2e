import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const require = createRequire(import.meta.url);

/** `LlamaLogLevel.info`, as the binding numbers it. */
const infoLevel = 4;

/** A model of the binding, which reads its weights in a thread of its own. */
export interface AddonModel {
  init(): Promise<boolean>;
  abortActiveModelLoad(): void;
  dispose(): Promise<void>;
}

/**
 * What node-llama-cpp's binding has that is used before node-llama-cpp's modules are loaded: not in its types, but fixed by the
 * pinned version.
 */
export interface Binding {
  readonly AddonModel: new (path: string, options: object) => AddonModel;
  markLoaded(): boolean;
  setLogger(onLog: (level: number, text: string) => void): void;
  setLoggerLogLevel(level: number): void;
  loadBackends(folder?: string): void;
  getGpuType(): string | false | undefined;
  getSupportsMmap(): boolean;
  getSupportsMlock(): boolean;
  systemInfo(): string;
  init(): Promise<void>;
}

/** llama.cpp on the CPU, of which node-llama-cpp can make a `Llama`. */
export interface OpenBinary {
  readonly binding: Binding;
  readonly bindingPath: string;
  readonly buildMetadata: object;
  readonly log: HeldLog;
}

type OnLog = (level: number, text: string) => void;

/** What llama.cpp says, held until somebody listens. */
export class HeldLog {
  #held: (readonly [level: number, text: string])[] = [];
  #onLog: OnLog | undefined;

  readonly take: OnLog = (level, text) => {
    if (this.#onLog === undefined) this.#held.push([level, text]);
    else this.#onLog(level, text);
  };

  /** In place of who has listened before. */
  listen(onLog: OnLog): void {
    this.#onLog = onLog;
    for (const [level, text] of this.#held.splice(0)) onLog(level, text);
  }
}

let isStarted = false;

/** Whether llama.cpp was not started in this process so far. From now on it counts as that: its log and devices are global. */
export function claimStart(): boolean {
  const isFirst = !isStarted;
  isStarted = true;
  return isFirst;
}

/** Opens llama.cpp's binary for the CPU, which is known to run here, as node-llama-cpp does. */
export async function openBinary(folder: string): Promise<OpenBinary> {
  const bindingPath = join(folder, 'llama-addon.node');
  const buildMetadata = JSON.parse(await readFile(join(folder, '_nlcBuildMetadata.json'), 'utf8')) as object;
  const binding = require(bindingPath) as Binding;
  const log = new HeldLog();
  binding.markLoaded();
  binding.setLogger(log.take);
  binding.setLoggerLogLevel(infoLevel);
  binding.loadBackends();
  // Without a device of its own, the binding has the kernels in libraries beside it.
  if (typeof binding.getGpuType() === 'undefined') binding.loadBackends(folder);
  await binding.init();
  return { binding, bindingPath, buildMetadata, log };
}
