import type { LoadedAdapter } from '../../src/backend/index.ts';
import { VserveError } from '../../src/errors/index.ts';
import { checkAdapter } from './adapter-file.ts';
import type { NativeEngine } from './native-addon.ts';
import { fromNative } from './native-errors.ts';

interface Held {
  generations: number;
  isLeaving: boolean;
  onUnused: (() => void) | undefined;
}

/** The LoRA adapters of an engine: each stays until the generations that use it have ended. */
export class LlamaAdapters {
  readonly #modelPaths: readonly string[];
  readonly #held = new Map<number, Held>();

  /** `modelPaths`: the GGUF files of the model. */
  constructor(modelPaths: readonly string[]) {
    this.#modelPaths = modelPaths;
  }

  /** Throws `gguf_invalid`, `model_load_failed`, `model_closed`. */
  async load(path: string, engine: NativeEngine, isClosed: () => boolean): Promise<LoadedAdapter> {
    await checkAdapter(path, this.#modelPaths);
    const id = await engine.loadAdapter(path).catch((error: unknown) => {
      throw fromNative(error);
    });
    const held: Held = { generations: 0, isLeaving: false, onUnused: undefined };
    this.#held.set(id, held);
    let unloading: Promise<void> | undefined;
    const unload = async (): Promise<void> => {
      held.isLeaving = true;
      if (held.generations > 0) await new Promise<void>((resolve) => (held.onUnused = resolve));
      this.#held.delete(id);
      // A closed engine has freed it.
      if (!isClosed()) await engine.unloadAdapter(id);
    };
    return {
      id,
      unload: () => {
        unloading ??= unload();
        return unloading;
      },
    };
  }

  /** Keeps an adapter until `leave`. Throws `model_not_found` for one that is gone. */
  enter(id: number | undefined): void {
    if (id === undefined) return;
    const held = this.#held.get(id);
    if (held === undefined || held.isLeaving) {
      throw new VserveError('model_not_found', 'The adapter of this request was unloaded.', { param: 'model' });
    }
    held.generations += 1;
  }

  leave(id: number | undefined): void {
    const held = id === undefined ? undefined : this.#held.get(id);
    if (held === undefined) return;
    held.generations -= 1;
    if (held.generations === 0) held.onUnused?.();
  }
}
