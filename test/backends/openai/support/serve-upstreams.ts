import OpenAI from 'openai';
import { onTestFinished } from 'vitest';
import type { OpenAiBackendOptions } from '../../../../backends/openai/index.ts';
import { createOpenAiBackend } from '../../../../backends/openai/index.ts';
import type { LoadedModel, LoadSettings } from '../../../../src/backend/index.ts';
import type { MediaSettings } from '../../../../src/media/index.ts';
import type { RunningServer, ServerSettings } from '../../../../src/server/index.ts';
import { openServer } from '../../../../src/server/index.ts';
import { defaultLoadSettings } from '../../../../src/settings/index.ts';
import { mediaSettings, serverSettings } from '../../../server/support/settings.ts';

export interface ServeUpstreamsOptions extends OpenAiBackendOptions {
  readonly load?: Partial<LoadSettings>;
  readonly settings?: Partial<ServerSettings>;
  readonly media?: Partial<MediaSettings>;
  readonly modelName?: string;
  readonly metricsPort?: number;
}

export interface Edge extends RunningServer {
  readonly model: LoadedModel;
  readonly name: string;
  readonly client: OpenAI;
  /** `level message` */
  readonly log: readonly string[];
}

/** Loads the backend in front of upstreams. Their health is asked for once a minute unless a test says otherwise. */
export async function loadUpstreams(
  upstreams: readonly string[],
  { load, modelName, ...times }: ServeUpstreamsOptions = {},
  log: string[] = [],
): Promise<LoadedModel> {
  const model = await createOpenAiBackend({ healthIntervalMs: 60_000, ...times }).load(
    { modelPath: '', mmprojPath: undefined, ...(modelName === undefined ? {} : { modelName }) },
    { ...defaultLoadSettings, upstreams, ...load },
    {
      onProgress: () => undefined,
      log: (level, message) => log.push(`${level} ${message}`),
      signal: new AbortController().signal,
    },
  );
  onTestFinished(() => model.close());
  return model;
}

/** A server in front of upstreams. */
export async function serveUpstreams(upstreams: readonly string[], options: ServeUpstreamsOptions = {}): Promise<Edge> {
  const log: string[] = [];
  const model = await loadUpstreams(upstreams, options, log);
  const server = await openServer({
    hosts: ['127.0.0.1'],
    port: 0,
    metricsPort: options.metricsPort,
    version: '1.2.3',
    settings: serverSettings(options.settings),
    log: (level, message) => log.push(`${level} ${message}`),
  });
  const name = model.info.servedName ?? 'unnamed';
  const running = server.serve({ model, servedModelName: name, media: mediaSettings(options.media) });
  onTestFinished(() => running.shutdown());
  const client = new OpenAI({ baseURL: `${running.url}/v1`, apiKey: 'none', maxRetries: 0 });
  return { ...running, model, name, client, log };
}
