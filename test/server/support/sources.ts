import { onTestFinished } from 'vitest';
import type { EchoHooks } from '../../../backends/echo/index.ts';
import { createEchoBackend } from '../../../backends/echo/index.ts';
import type { LoadedModel, LoadMemory } from '../../../src/backend/index.ts';
import type { ModelSource, PullModel, RunningServer, ServerSettings } from '../../../src/server/index.ts';
import { openServer } from '../../../src/server/index.ts';
import { defaultLoadSettings } from '../../../src/settings/index.ts';
import { mediaSettings, serverSettings } from './settings.ts';

export interface TestSource extends ModelSource {
  /** What happened to it, in order: `load`, `close`, `release`. */
  readonly happened: string[];
  /** When it was warmed up: what had happened by then. */
  readonly warmUps: (readonly string[])[];
}

export interface SourceOptions extends EchoHooks {
  readonly aliases?: readonly string[];
  readonly preload?: boolean;
  /** Awaited in each load: a gate, or a failure if it throws. */
  readonly onLoad?: (signal: AbortSignal) => Promise<void> | void;
  readonly memory?: () => LoadMemory;
}

/** A model of the echo backend whose answers begin with its name. */
export function echoSource(
  name: string,
  { onLoad, memory, aliases, preload, ...hooks }: SourceOptions = {},
): TestSource {
  const happened: string[] = [];
  const warmUps: (readonly string[])[] = [];
  return {
    name,
    happened,
    warmUps,
    ...(aliases === undefined ? {} : { aliases }),
    ...(preload === undefined ? {} : { preload }),
    ...(memory === undefined ? {} : { memory: () => Promise.resolve(memory()) }),
    async load(signal) {
      happened.push('load');
      await onLoad?.(signal);
      const files = { modelPath: '', mmprojPath: undefined };
      const options = { onProgress: () => undefined, log: () => undefined, signal };
      const loaded = await createEchoBackend(hooks).load(files, defaultLoadSettings, options);
      const model = named(loaded, name, {
        onWarmUp: () => void warmUps.push([...happened]),
        onClose: () => void happened.push('close'),
      });
      return { model, release: () => Promise.resolve(void happened.push('release')) };
    },
  };
}

interface Follower {
  readonly onWarmUp: () => void;
  readonly onClose: () => void;
}

function named(model: LoadedModel, name: string, { onWarmUp, onClose }: Follower): LoadedModel {
  return {
    info: model.info,
    stats: () => model.stats(),
    tokenize: (text, options) => model.tokenize?.(text, options) ?? Promise.resolve([]),
    warmUp: () => Promise.resolve(onWarmUp()),
    close() {
      onClose();
      return model.close();
    },
    generate(request, signal) {
      const [first, ...others] = request.messages;
      const greeting = { type: 'text', text: `${name}:` } as const;
      const messages = first === undefined ? [] : [{ ...first, content: [greeting, ...first.content] }, ...others];
      return model.generate({ ...request, messages }, signal);
    },
  };
}

export interface SeveralOptions {
  readonly keepAliveMs?: number;
  readonly maxLoaded?: number;
  readonly metricsPort?: number;
  readonly pull?: PullModel;
  readonly settings?: Partial<ServerSettings>;
}

export interface SeveralServer extends RunningServer {
  /** `level message` */
  readonly log: readonly string[];
}

/** A server of these models on a free port of 127.0.0.1, shut down at the end of the test. */
export async function serveSources(
  sources: readonly ModelSource[],
  { keepAliveMs = Infinity, maxLoaded, metricsPort, pull, settings }: SeveralOptions = {},
): Promise<SeveralServer> {
  const log: string[] = [];
  const server = await openServer({
    hosts: ['127.0.0.1'],
    port: 0,
    metricsPort,
    version: '1.2.3',
    settings: serverSettings(settings),
    log: (level, message) => log.push(`${level} ${message}`),
  });
  const running = server.serveModels({ sources, media: mediaSettings(), keepAliveMs, maxLoaded, pull });
  let stopped: Promise<void> | undefined;
  const shutdown = (): Promise<void> => (stopped ??= running.shutdown());
  onTestFinished(shutdown);
  return { ...running, shutdown, log };
}
