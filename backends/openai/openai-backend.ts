import { once } from 'node:events';
import type { Backend, Capabilities, LoadOptions, LoadSettings, ModelInfo } from '../../src/backend/index.ts';
import { specificationVersion } from '../../src/backend/index.ts';
import { VserveError } from '../../src/errors/index.ts';
import { policies } from './balance/policies.ts';
import { ImageUris } from './images/image-uris.ts';
import { readUpstreams } from './read-upstreams.ts';
import { Upstream } from './upstream.ts';
import type { UpstreamConfig } from './upstream-config.ts';
import type { Naming } from './upstream-description.ts';
import { UpstreamGroup } from './upstream-group.ts';
import { UpstreamModel } from './upstream-model.ts';

/** Of a conversation whose upstreams do not tell. */
const UNKNOWN_CONTEXT_LENGTH = 131_072;

/** Times for tests, which do not wait for seconds. */
export interface OpenAiBackendOptions {
  readonly healthIntervalMs?: number;
  readonly healthTimeoutMs?: number;
  readonly silenceMs?: number;
  readonly firstOpenMs?: number;
}

/** Makes a backend that passes requests on to servers of the OpenAI API. */
export function createOpenAiBackend(times: OpenAiBackendOptions = {}): Backend {
  return {
    name: 'openai',
    specificationVersion,
    needsNoModel: true,
    servesElsewhere: true,
    async load({ modelName }, settings, options) {
      const loader = new Loader(modelName, settings, options, times);
      return loader.load();
    },
  };
}

/** Opens the upstreams of a model, and replaces them when the settings are read again. */
class Loader {
  readonly #settings: LoadSettings;
  readonly #options: LoadOptions;
  readonly #times: OpenAiBackendOptions;
  readonly #group: UpstreamGroup;
  readonly #naming: Naming;
  readonly #checks = new EventTarget();

  constructor(
    modelName: string | undefined,
    settings: LoadSettings,
    options: LoadOptions,
    times: OpenAiBackendOptions,
  ) {
    this.#naming = { name: modelName };
    this.#settings = settings;
    this.#options = options;
    this.#times = times;
    this.#group = new UpstreamGroup(policies[settings.upstreamPolicy]());
  }

  /** Throws `invalid_setting`, `model_load_failed`, or the signal's reason. */
  async load(): Promise<UpstreamModel> {
    const { signal, onProgress } = this.#options;
    const configs = await readUpstreams(this.#settings);
    signal.throwIfAborted();
    this.#group.replace(configs.map((config) => this.#open(config)));
    onProgress('upstreams', 0);
    try {
      await this.#untilOneIsUp();
    } catch (error) {
      await Promise.all(this.#group.all.map((upstream) => upstream.destroy()));
      throw error;
    }
    onProgress('upstreams', 1);
    const { upstreamMaxImagePixels, mediaPassthrough } = this.#settings;
    return new UpstreamModel({
      info: this.#info(),
      group: this.#group,
      images: new ImageUris(upstreamMaxImagePixels),
      passesUrls: mediaPassthrough,
      reload: () => this.#reload(),
    });
  }

  #open(config: UpstreamConfig): Upstream {
    const { upstreamTimeoutS, upstreamHealthIntervalS, maxBatchSize } = this.#settings;
    const { silenceMs, healthIntervalMs, healthTimeoutMs, firstOpenMs } = this.#times;
    return new Upstream(
      { ...config, capacity: config.capacity ?? maxBatchSize },
      {
        naming: this.#naming,
        silenceMs: silenceMs ?? upstreamTimeoutS * 1000,
        healthIntervalMs: healthIntervalMs ?? upstreamHealthIntervalS * 1000,
        healthTimeoutMs,
        firstOpenMs,
        log: this.#options.log,
        onChecked: () => {
          this.#group.wake();
          this.#checks.dispatchEvent(new Event('check'));
        },
      },
    );
  }

  /** Engines take minutes to start: an upstream that does not answer yet is waited for. */
  async #untilOneIsUp(): Promise<void> {
    const { signal, log } = this.#options;
    const [first, ...others] = this.#group.all;
    // The first decides which model it is, if it is there.
    await first?.checkNow();
    await Promise.all(others.map((upstream) => upstream.checkNow()));
    for (const { id, isUp, reason } of this.#group.all) {
      if (!isUp) log('warning', `Upstream ${id} is not up yet: ${reason}.`);
    }
    while (!this.#group.all.some(({ isUp }) => isUp)) {
      if (this.#group.all.every(({ isUnusable }) => isUnusable)) throw this.#unusable();
      await once(this.#checks, 'check', { signal });
    }
  }

  #unusable(): VserveError {
    const reasons = this.#group.all.map(({ id, reason }) => `${id}: ${reason}`).join('\n');
    return new VserveError('model_load_failed', `No upstream can be used.\n${reasons}`);
  }

  #info(): ModelInfo {
    const descriptions = this.#group.all.flatMap(({ description }) => description ?? []);
    const lengths = descriptions.flatMap(({ contextLength }) => contextLength ?? []);
    const known = lengths.length === 0 ? UNKNOWN_CONTEXT_LENGTH : Math.min(...lengths);
    return {
      capabilities: descriptions.map(({ capabilities }) => capabilities).reduce(either),
      contextLength: Math.min(known, this.#settings.maxLength ?? Infinity),
      maxBatchSize: this.#group.all.reduce((sum, { capacity }) => sum + capacity, 0),
      samplingDefaults: {},
      ...(this.#naming.name === undefined ? {} : { servedName: this.#naming.name }),
      device: `${String(this.#group.all.length)} ${this.#group.all.length === 1 ? 'upstream' : 'upstreams'}`,
    };
  }

  /** Upstreams that stay keep their connections and what is known of them. Throws `invalid_setting`. */
  async #reload(): Promise<void> {
    const configs = await readUpstreams(this.#settings);
    const before = new Map(this.#group.all.map((upstream) => [upstream.id, upstream]));
    const added: Upstream[] = [];
    const after = configs.map((config) => {
      const kept = before.get(config.url);
      if (kept !== undefined && kept.config.key === config.key) {
        before.delete(config.url);
        kept.reconfigure({ ...config, capacity: config.capacity ?? this.#settings.maxBatchSize });
        return kept;
      }
      const opened = this.#open(config);
      added.push(opened);
      return opened;
    });
    this.#group.replace(after);
    for (const removed of before.values()) removed.remove();
    await Promise.all(added.map((upstream) => upstream.checkNow()));
    const { log } = this.#options;
    log('info', `Upstreams were read again: ${String(added.length)} added, ${String(before.size)} removed.`);
  }
}

/** What one of two upstreams can: a request goes where it can be done. */
function either(a: Capabilities, b: Capabilities): Capabilities {
  const samplers = [...new Set([...(a.samplers ?? []), ...(b.samplers ?? [])])];
  const switches = Object.keys({ ...a, ...b }).filter((name) => name !== 'samplers' && name !== 'maxChoices');
  const has = (name: string): boolean =>
    [a, b].some((one) => (one as unknown as Record<string, unknown>)[name] === true);
  return {
    ...(Object.fromEntries(switches.map((name) => [name, has(name)])) as unknown as Capabilities),
    maxChoices: Math.max(a.maxChoices ?? 1, b.maxChoices ?? 1),
    ...(samplers.length === 0 ? {} : { samplers }),
  };
}
