import OpenAI from 'openai';
import { onTestFinished } from 'vitest';
import type { EchoHooks } from '../../../backends/echo/index.ts';
import { createEchoBackend } from '../../../backends/echo/index.ts';
import type { GenerateRequest, LoadedModel } from '../../../src/backend/index.ts';
import type { MediaSettings } from '../../../src/media/index.ts';
import type { AdapterSettings, RunningServer, ServerSettings } from '../../../src/server/index.ts';
import { openServer } from '../../../src/server/index.ts';
import { defaultLoadSettings } from '../../../src/settings/index.ts';
import { mediaSettings, serverSettings } from './settings.ts';

export const modelName = 'google/gemma-3-4b-it';

export interface TestServerOptions extends EchoHooks {
  readonly maxLength?: number;
  readonly maxBatchSize?: number;
  readonly hosts?: readonly string[];
  readonly metricsPort?: number;
  readonly isMetricsOptional?: boolean;
  readonly onLog?: () => void;
  readonly quietMs?: number;
  readonly settings?: Partial<ServerSettings>;
  readonly media?: Partial<MediaSettings>;
  readonly adapters?: AdapterSettings;
}

export interface TestServer extends RunningServer {
  readonly reload: () => Promise<void>;
  readonly model: LoadedModel;
  readonly client: OpenAI;
  /** What the backend was asked for. */
  readonly generateRequests: readonly GenerateRequest[];
  /** How many CPUs the backend was to leave to the server, call by call. */
  readonly cpusLeft: readonly number[];
  /** `level message` */
  readonly log: readonly string[];
}

/** A server with the echo backend on a free port of 127.0.0.1, shut down at the end of the test. */
export async function serve(options: TestServerOptions = {}): Promise<TestServer> {
  return serveModel(await loadEcho(options), options);
}

/** A server with any model. */
export async function serveModel(
  loaded: LoadedModel,
  options: Omit<TestServerOptions, keyof EchoHooks> = {},
): Promise<TestServer> {
  const generateRequests: GenerateRequest[] = [];
  const cpusLeft: number[] = [];
  const model: LoadedModel = {
    ...promptMethodsOf(loaded),
    info: loaded.info,
    stats: () => loaded.stats(),
    close: () => loaded.close(),
    leaveCpus: (count) => cpusLeft.push(count),
    generate(request, signal) {
      generateRequests.push(request);
      return loaded.generate(request, signal);
    },
  };
  const log: string[] = [];
  const server = await openServer({
    hosts: options.hosts ?? ['127.0.0.1'],
    port: 0,
    metricsPort: options.metricsPort,
    isMetricsOptional: options.isMetricsOptional ?? false,
    version: '1.2.3',
    settings: serverSettings(options.settings),
    quietMs: options.quietMs ?? 0,
    log: (level, message) => {
      log.push(`${level} ${message}`);
      options.onLog?.();
    },
  });
  const { adapters } = options;
  const running = server.serve({
    model,
    servedModelName: modelName,
    media: mediaSettings(options.media),
    ...(adapters && { adapters }),
  });
  let stopped: Promise<void> | undefined;
  const shutdown = () => (stopped ??= running.shutdown());
  onTestFinished(async () => {
    await loaded.close();
    await shutdown();
  });
  const client = new OpenAI({ baseURL: `${running.url}/v1`, apiKey: 'none', maxRetries: 0 });
  return { ...running, reload: () => server.reload(), shutdown, model, client, generateRequests, cpusLeft, log };
}

/** What a model has besides generating, where it has it. */
function promptMethodsOf(loaded: LoadedModel): Partial<LoadedModel> {
  const names = [
    'encodedImage',
    'countPrompt',
    'renderPrompt',
    'tokenize',
    'detokenize',
    'embed',
    'loadAdapter',
    'warmUp',
  ] as const;
  const methods = names.map((name) => [name, (loaded[name] as (() => unknown) | undefined)?.bind(loaded)]);
  return Object.fromEntries(methods.filter(([, method]) => method !== undefined)) as Partial<LoadedModel>;
}

function loadEcho({ maxLength, maxBatchSize, ...hooks }: TestServerOptions): Promise<LoadedModel> {
  return createEchoBackend(hooks).load(
    { modelPath: '/nowhere', mmprojPath: undefined },
    { ...defaultLoadSettings, maxLength, maxBatchSize },
    { onProgress: () => undefined, log: () => undefined, signal: new AbortController().signal },
  );
}
