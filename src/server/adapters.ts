import type { ListedModel } from '../api/index.ts';
import type { LoadedAdapter, LoadedModel } from '../backend/index.ts';
import { isCodedError, presentationOf, VserveError } from '../errors/index.ts';

/** A LoRA adapter by the name that requests have for it. */
export interface NamedAdapter {
  readonly name: string;
  /** As it was given. */
  readonly path: string;
}

/** A LoRA adapter that was loaded with its model. */
export interface PreloadedAdapter extends NamedAdapter {
  readonly adapter: LoadedAdapter;
}

export interface AdapterSettings {
  readonly preloaded: readonly PreloadedAdapter[];
  /** How many may be in memory at a time. */
  readonly most: number;
  /** Finds the GGUF file of an adapter, and converts it where it has to be; undefined where clients may load none. */
  readonly prepare: ((path: string, signal: AbortSignal) => Promise<string>) | undefined;
}

interface ServedAdapter extends PreloadedAdapter {
  readonly since: Date;
  /** The model as it is with the adapter. */
  readonly model: LoadedModel;
}

const NO_ADAPTERS: AdapterSettings = { preloaded: [], most: 0, prepare: undefined };

/** The LoRA adapters of the model that is served: requests name one in place of the model. */
export class Adapters {
  readonly #model: LoadedModel;
  readonly #modelName: string;
  readonly #settings: AdapterSettings;
  readonly #served = new Map<string, ServedAdapter>();
  /** Names that are being loaded. */
  readonly #loading = new Set<string>();

  constructor(model: LoadedModel, modelName: string, settings = NO_ADAPTERS) {
    this.#model = model;
    this.#modelName = modelName;
    this.#settings = settings;
    for (const preloaded of settings.preloaded) this.#serve(preloaded);
  }

  /** Whether clients may load and unload them. */
  get mayChange(): boolean {
    return this.#settings.prepare !== undefined;
  }

  get names(): readonly string[] {
    return [...this.#served.keys()];
  }

  /** The model with an adapter, by its name or as `model:name`; undefined if there is no such adapter. */
  find(given: string): { readonly name: string; readonly model: LoadedModel } | undefined {
    const prefix = `${this.#modelName}:`;
    const name = given.startsWith(prefix) ? given.slice(prefix.length) : given;
    return this.#served.get(given) ?? this.#served.get(name);
  }

  /** For lists of models. */
  listed(): ListedModel[] {
    return Array.from(this.#served.values(), ({ name, path, since, model: { info } }) => ({
      name,
      info,
      since,
      adapter: { root: path, parent: this.#modelName },
    }));
  }

  /**
   * Loads an adapter. Throws `invalid_request` for a name that is taken, one adapter too many, and one that cannot be used;
   * `unsupported_capability`.
   */
  async load(name: string, path: string, signal: AbortSignal): Promise<void> {
    const { prepare, most } = this.#settings;
    const loadAdapter = this.#model.loadAdapter?.bind(this.#model);
    if (prepare === undefined || loadAdapter === undefined) throw notEnabled();
    if (name === this.#modelName || this.#served.has(name) || this.#loading.has(name)) {
      const message = `The name ${JSON.stringify(name)} is taken. Unload the adapter first, or choose another lora_name.`;
      throw new VserveError('invalid_request', message, { param: 'lora_name' });
    }
    if (this.#served.size + this.#loading.size >= most) {
      const message = `This server has ${most} LoRA adapters, as many as --max-num-loras allows. Unload one first.`;
      throw new VserveError('invalid_request', message, { param: 'lora_name' });
    }
    this.#loading.add(name);
    try {
      const adapter = await loadAdapter(await prepare(path, signal));
      this.#serve({ name, path, adapter });
    } catch (error) {
      signal.throwIfAborted();
      throw faultOfRequest(error);
    } finally {
      this.#loading.delete(name);
    }
  }

  /** Takes no more requests for an adapter, and frees it when those that use it have ended. Throws `model_not_found`. */
  unload(name: string): void {
    const served = this.#served.get(name);
    if (served === undefined) {
      const message = `This server has no LoRA adapter ${JSON.stringify(name)}.`;
      throw new VserveError('model_not_found', message, { param: 'lora_name' });
    }
    this.#served.delete(name);
    // A model that is closed meanwhile frees it, too.
    served.adapter.unload().catch(() => undefined);
  }

  #serve(preloaded: PreloadedAdapter): void {
    const model = withAdapter(this.#model, preloaded.adapter.id);
    this.#served.set(preloaded.name, { ...preloaded, since: new Date(), model });
  }
}

function notEnabled(): VserveError {
  const message = 'This server loads no LoRA adapters while it runs: start it with --enable-lora.';
  return new VserveError('unsupported_capability', message);
}

/** What is wrong with an adapter is what is wrong with the request that names it. */
function faultOfRequest(error: unknown): unknown {
  if (!isCodedError(error) || presentationOf(error.code).exitCode !== 2) return error;
  return new VserveError('invalid_request', error.message, { cause: error, param: 'lora_path' });
}

/** A model whose generations use an adapter. It computes no embeddings: an adapter is for answers. */
function withAdapter(model: LoadedModel, adapter: number): LoadedModel {
  const info = { ...model.info, capabilities: { ...model.info.capabilities, embeddings: false } };
  const generate: LoadedModel['generate'] = (request, signal) => model.generate({ ...request, adapter }, signal);
  return new Proxy(model, {
    get(target, name) {
      if (name === 'info') return info;
      if (name === 'generate') return generate;
      const member: unknown = Reflect.get(target, name, target);
      // A method may use private members, which a proxy has not.
      return typeof member === 'function' ? (member.bind(target) as unknown) : member;
    },
  });
}
