import { show } from '../../api/index.ts';
import { VserveError } from '../../errors/index.ts';
import type { ActiveBase, ModelEntry, ModelLease } from './model-entry.ts';
import type { ModelPoolOptions } from './model-pool.ts';
import { ModelPool } from './model-pool.ts';
import type { LoadingProgress } from '../server-state.ts';
import type { LoadedSource, ModelSource } from './model-source.ts';

/** What Ollama's clients add to a name without a tag. */
const LATEST = ':latest';

/** Downloads and converts a model of the Hub, for a server to load. Throws `invalid_request` for what is no id of it. */
export type PullModel = (
  id: string,
  signal: AbortSignal,
  report: (progress: LoadingProgress) => void,
) => Promise<ModelSource>;

export interface ServedModelsOptions<Active> extends ModelPoolOptions<Active> {
  readonly isManaged: boolean;
  readonly pull?: PullModel | undefined;
}

/** The models of a server by the names that requests have for them. */
export class ServedModels<Active extends ActiveBase> {
  /** Whether models come and go. A server of one model that stays has no states to tell. */
  readonly isManaged: boolean;
  /** Most models in memory at a time; undefined for as many as there is room for. */
  readonly maxLoaded: number | undefined;
  readonly #pool: ModelPool<Active>;
  readonly #byName = new Map<string, ModelEntry<Active>>();
  /** The models of LoRA adapters, by the names of these. */
  readonly #byAdapter = new Map<string, ModelEntry<Active>>();
  readonly #pull: PullModel | undefined;

  /** `sources`: at least one, of different names. */
  constructor(sources: readonly ModelSource[], options: ServedModelsOptions<Active>) {
    this.#pool = new ModelPool(sources, options);
    this.maxLoaded = options.maxLoaded;
    this.isManaged = options.isManaged;
    this.#pull = options.pull;
    const aliases = new Map<string, ModelEntry<Active> | undefined>();
    for (const entry of this.#pool.entries) {
      this.#byName.set(entry.name, entry);
      for (const { name } of entry.source.adapters ?? []) {
        this.#byAdapter.set(name, entry).set(`${entry.name}:${name}`, entry);
      }
      // One that several have is nobody's.
      for (const alias of new Set(entry.source.aliases)) aliases.set(alias, aliases.has(alias) ? undefined : entry);
    }
    for (const [alias, entry] of aliases) {
      if (entry !== undefined && !this.#byName.has(alias)) this.#byName.set(alias, entry);
    }
  }

  get entries(): readonly ModelEntry<Active>[] {
    return this.#pool.entries;
  }

  /** What is in memory. */
  get active(): readonly Active[] {
    return this.entries.flatMap(({ loaded }) => (loaded === undefined ? [] : [loaded.active]));
  }

  /** Requests that wait for a model to be loaded. */
  get waiting(): number {
    return this.entries.reduce((sum, { waiters }) => sum + waiters.size, 0);
  }

  /** The one model of a server that has no other, if it is in memory. */
  get only(): Active | undefined {
    return this.entries.length === 1 ? this.entries[0]?.loaded?.active : undefined;
  }

  /** All names that requests may have for a model, without its adapters'. */
  namesOf(servedName: string): readonly string[] {
    const entry = this.#byName.get(servedName);
    return [...this.#byName].flatMap(([name, named]) => (named === entry ? [name] : []));
  }

  /** The model of this name, or of the adapter of this name; undefined for another one, also where there is only one. */
  entryNamed(name: string): ModelEntry<Active> | undefined {
    const untagged = name.endsWith(LATEST) ? name.slice(0, -LATEST.length) : '';
    const entry = this.#byName.get(name) ?? this.#byName.get(untagged);
    return entry ?? this.#byAdapter.get(name) ?? this.#byAdapter.get(untagged);
  }

  /**
   * The model that a request names. Where there is only one, it is that, and what is said of another name is up to the
   * route. Throws `model_not_found`, and `invalid_request` for a request without a name.
   */
  find(name: string | undefined): ModelEntry<Active> {
    const [only, ...others] = this.entries;
    if (only !== undefined && others.length === 0) return only;
    if (name === undefined || name === '') {
      throw new VserveError('invalid_request', `model is missing. This server has ${this.#list()}.`, {
        param: 'model',
      });
    }
    const found = this.entryNamed(name);
    if (found !== undefined) return found;
    const message = `The model ${show(name)} is not served here. This server has ${this.#list()}.`;
    throw new VserveError('model_not_found', message, { param: 'model' });
  }

  adopt(entry: ModelEntry<Active>, loaded: LoadedSource): Active {
    return this.#pool.adopt(entry, loaded);
  }

  take(entry: ModelEntry<Active>): ModelLease<Active> | undefined {
    return this.#pool.take(entry);
  }

  acquire(entry: ModelEntry<Active>, signal: AbortSignal): Promise<ModelLease<Active>> {
    return this.#pool.acquire(entry, signal);
  }

  /** Whether models that it does not have can be added. */
  get canPull(): boolean {
    return this.#pull !== undefined;
  }

  /** Adds a model. Throws what its download and conversion throw, and the signal's reason. */
  async pull(id: string, signal: AbortSignal, report: (progress: LoadingProgress) => void): Promise<void> {
    const source = await this.#pull?.(id, signal, report);
    // Somebody else may have added it meanwhile.
    if (source !== undefined && !this.#byName.has(source.name)) this.#byName.set(source.name, this.#pool.add(source));
  }

  /** Loads a model that nobody has asked a question yet. What goes wrong is in the log and in the model's state. */
  async preload(entry: ModelEntry<Active>): Promise<void> {
    const lease = await this.acquire(entry, new AbortController().signal).catch(() => undefined);
    lease?.release();
  }

  unload(entry: ModelEntry<Active>): void {
    this.#pool.unload(entry);
  }

  close(): Promise<void> {
    return this.#pool.close();
  }

  #list(): string {
    const adapters = this.entries.flatMap(({ source }) => source.adapters ?? []);
    return [...this.entries, ...adapters].map(({ name }) => JSON.stringify(name)).join(', ');
  }
}
