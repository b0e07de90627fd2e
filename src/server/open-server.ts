import type { Server } from 'node:http';
import { Server as HttpsServer } from 'node:https';
import type { LoadedModel, SamplingSettings } from '../backend/index.ts';
import { isCodedError, messageOf } from '../errors/index.ts';
import type { MediaSettings } from '../media/index.ts';
import { createMediaResolver } from '../media/index.ts';
import { reasonOf, safeLog } from './access-log.ts';
import type { Log } from './access-log.ts';
import type { AdapterSettings } from './adapters.ts';
import { ApiKeys } from './api-keys.ts';
import { createApp, createLoadingApp } from './app.ts';
import { BodyMemory } from './body-memory.ts';
import { limitConnections } from './connection-limit.ts';
import { CpuShare } from './cpu-share.ts';
import type { CrashWatch } from './crash-watch.ts';
import { Entrance } from './entrance.ts';
import { FileStore } from './files/file-store.ts';
import { ResponseStore } from './responses/response-store.ts';
import { statusOf } from './error-response.ts';
import { createHttpServer } from './http-server.ts';
import type { KeptSockets } from './kept-sockets.ts';
import { LateRequests } from './late-requests.ts';
import { Metrics } from './metrics/metrics.ts';
import { startMetricsServer } from './metrics/metrics-server.ts';
import type { MetricsServer } from './metrics/metrics-server.ts';
import type { LoadedSource, ModelSource } from './models/model-source.ts';
import { ModelTotals } from './models/model-totals.ts';
import { openModels } from './models/open-models.ts';
import type { ModelsOptions } from './models/open-models.ts';
import { noMetrics } from './port.ts';
import { RequestCounts } from './request-counts.ts';
import { Requests } from './requests.ts';
import { RunningRequests } from './running-requests.ts';
import { serverReport } from './server-report.ts';
import type { ServerSettings } from './server-settings.ts';
import { ServerState } from './server-state.ts';
import type { LoadingProgress, PastCrashes } from './server-state.ts';
import { readCertificate } from './tls-files.ts';
import type { Traces } from './traces/traces.ts';
import { UnsentResponses } from './unsent-responses.ts';
import { warmUpServer } from './warm-up.ts';

/** Time to flush the last bytes. */
const SEND_MS = 1000;
/** How long a shutdown waits for requests over kept connections at most. */
const LATE_REQUESTS_MS = 1000;

export interface OpenServerOptions {
  /** IP addresses, host names, and paths of Unix sockets. */
  readonly hosts: readonly string[];
  /** 0 picks a free port. */
  readonly port: number;
  /** Port of `/metrics`, on the same hosts; 0 picks a free one, undefined disables it. */
  readonly metricsPort: number | undefined;
  /** Go on without `/metrics`, with a warning, where its port cannot be had. */
  readonly isMetricsOptional?: boolean;
  /** vserve's version, for `/version`. */
  readonly version: string;
  readonly settings: ServerSettings;
  readonly log: Log;
  /** For a server that is started again after a crash. */
  readonly supervision?: Supervision | undefined;
  /** For how long no request has come over the connections in use before a shutdown closes them; 0 unless given. */
  readonly quietMs?: number;
}

/** Who starts a server again after a crash, and what has happened so far. */
export interface Supervision {
  readonly watch: CrashWatch;
  readonly past: PastCrashes;
  readonly keptSockets: KeptSockets;
}

export interface ServeOptions {
  readonly model: LoadedModel;
  readonly servedModelName: string;
  readonly media: MediaSettings;
  /** Of the model. */
  readonly adapters?: AdapterSettings | undefined;
  /** Of requests that set none, before the model's own. */
  readonly samplingDefaults?: Partial<SamplingSettings>;
  /** How long it took to load; undefined if that is not known. */
  readonly modelLoadMs?: number;
}

export interface ServeModelsOptions extends ModelsOptions {
  readonly media: MediaSettings;
}

/** A server that has no model yet: its health says how far it is, everything else is answered with `model_loading`. */
export interface OpenServer {
  /** Where it listens: the first of its addresses. */
  readonly url: string;
  /** Tells clients how far the model is. */
  report(progress: LoadingProgress): void;
  /** Answers requests with a model from now on. */
  serve(options: ServeOptions): RunningServer;
  /** Answers requests with several models from now on, which it loads when they are asked for, and frees at its end. */
  serveModels(options: ServeModelsOptions): RunningServer;
  /** Reads certificates and keys again. What cannot be used is logged, and what was there before stays. */
  reload(): Promise<void>;
  /** Closes it without ever having had a model. */
  close(): Promise<void>;
}

export interface RunningServer {
  /** The first of `urls`. */
  readonly url: string;
  /** `http://HOST:PORT` or `unix:PATH`, for each host. */
  readonly urls: readonly string[];
  /** 0 if it listens on Unix sockets only. */
  readonly port: number;
  /** `http://HOST:PORT/metrics`; undefined if disabled. */
  readonly metricsUrl: string | undefined;
  /** Whether requests need an API key. */
  readonly needsKey: boolean;
  readonly requestsInFlight: () => number;
  /** What it is doing, in lines for a person. */
  readonly report: () => string;
  /**
   * Does beforehand, in the background, what would make some first requests slow: to be called once it is told that the
   * server is ready. Models that are loaded later warm up by themselves.
   */
  readonly warmUp: () => Promise<void>;
  /**
   * Accepts no new connections, gives requests in flight the configured time to finish, aborts the rest, and closes.
   * A model that it did not load stays loaded.
   */
  readonly shutdown: () => Promise<void>;
}

const noModels = (): readonly LoadedModel[] => [];

/**
 * Opens the port of a server whose model comes later. Resolves once the sockets are bound. Throws `port_in_use`,
 * `address_unavailable`, and `invalid_setting` for certificates and keys.
 */
export async function openServer(options: OpenServerOptions): Promise<OpenServer> {
  const { hosts, port, metricsPort, settings, supervision } = options;
  const log = safeLog(options.log);
  const keys = await ApiKeys.load(settings, log);
  const certificate = settings.tls === undefined ? undefined : await readCertificate(settings.tls, log);
  const state = new ServerState(supervision?.past);
  const metrics = new Metrics();
  const memory = new BodyMemory(settings.maxRequestMemoryBytes);
  const traces = await openTraces(options, log);
  const running = new RunningRequests();
  const common = { ...options, watch: supervision?.watch, log, keys, state, metrics, traces, running };
  let app = createLoadingApp(common);
  const onRefused = (requestId: string, error: Error): void => {
    log('info', `${requestId} no request ${String(statusOf(error))} ${reasonOf(error)}`);
    metrics.countRequest(statusOf(error), 'other', error);
  };
  const server = createHttpServer({
    fetch: (request, bindings) => app.fetch(request, bindings),
    keepAliveTimeoutS: settings.keepAliveTimeoutS,
    onRefused,
    certificate,
  });
  const unsent = new UnsentResponses(server);
  const late = new LateRequests(server);
  let metricsServer: MetricsServer | undefined;
  let entrance: Entrance;
  try {
    if (metricsPort !== undefined) {
      const { allowedHosts } = settings;
      const starting = startMetricsServer(metrics, { hosts, allowedHosts, port: metricsPort, keys, certificate });
      metricsServer = await starting.catch((error: unknown) => {
        if (options.isMetricsOptional !== true || !isCodedError(error)) throw error;
        log('warning', noMetrics(metricsPort));
        return undefined;
      });
    }
    const { unixSocketMode } = settings;
    const { keptSockets } = supervision ?? {};
    entrance = await Entrance.open(server, { hosts, port, flag: '--port', unixSocketMode, onRefused, keptSockets });
  } catch (error) {
    await Promise.all([metricsServer?.close(), traces?.close()]);
    throw error;
  }
  await limitConnections(entrance.acceptors, log);
  let reloaded = Promise.resolve();
  let inMemory = noModels;
  const answerWith = (given: ServeModelsOptions, adopted?: LoadedSource): RunningServer => {
    const requests = new Requests();
    const counts = new RequestCounts({
      maxPendingRequests: settings.maxPendingRequests,
      maxRequestsOf: (keyId) => keys.maxRequestsOf(keyId),
    });
    const totals = new ModelTotals(() => models.active.map(({ model }) => model));
    const cpus = new CpuShare({
      stats: () => totals.stats(),
      leaveCpus: (count) => models.active.forEach(({ model }) => model.leaveCpus?.(count)),
    });
    const media = createMediaResolver(given.media, {
      onResolved: (image) => metrics.countImage(image),
      takeCpu: () => cpus.take(),
    });
    const { version } = options;
    const files = new FileStore({ maxFiles: settings.maxStoredFiles, maxBytes: settings.maxStoredFileBytes });
    const responses = new ResponseStore({
      maxResponses: settings.maxStoredResponses,
      maxBytes: settings.maxStoredResponseBytes,
    });
    metrics.addStore('files', files);
    metrics.addStore('responses', responses);
    const shared = { settings, version, media, files, responses, requests, counts, memory, cpus, metrics, log };
    const models = openModels(shared, given, totals);
    inMemory = () => models.active.map(({ model }) => model);
    const [first] = models.entries;
    if (adopted !== undefined && first !== undefined) {
      const { model, admission } = models.adopt(first, adopted);
      metrics.addModel(model, () => admission.waiting);
    } else {
      metrics.addModel(
        totals,
        () => models.waiting + models.active.reduce((sum, own) => sum + own.admission.waiting, 0),
      );
      metrics.addModelStates(models.entries);
    }
    app = createApp({ ...common, ...shared, models });
    state.ready();
    for (const entry of models.entries) if (entry.source.preload === true) void models.preload(entry);
    return {
      url: entrance.urls[0] ?? '',
      urls: entrance.urls,
      port: entrance.port,
      metricsUrl: metricsServer?.url,
      needsKey: keys.areRequired,
      requestsInFlight: () => requests.count,
      report: () => {
        const reported = models.active.map((own) => ({ ...own, waiting: own.admission.waiting }));
        return serverReport(reported, running);
      },
      warmUp: () => warmUpServer(adopted?.model, media, log),
      async shutdown() {
        const timeoutMs = settings.gracefulShutdownTimeoutS * 1000;
        state.drain(timeoutMs);
        await drain({ entrance, requests, late, unsent, timeoutMs, quietMs: options.quietMs ?? 0 });
        if (adopted === undefined) await models.close();
        await Promise.all([media.close(), metricsServer?.close(), traces?.close()]);
      },
    };
  };
  return {
    url: entrance.urls[0] ?? '',
    report: (progress) => state.report(progress),
    serve({ model, servedModelName: name, media, adapters, modelLoadMs: loadMs, samplingDefaults }) {
      const source: ModelSource = { name, samplingDefaults, load: () => Promise.reject(new Error('It is loaded.')) };
      const loaded = { model, loadMs, adapters, release: () => Promise.resolve() };
      return answerWith({ sources: [source], keepAliveMs: Infinity, isManaged: false, media }, loaded);
    },
    serveModels: (given) => answerWith(given),
    // One after the other: the last one asked for decides.
    reload: () =>
      (reloaded = reloaded.then(() => reload({ server, metricsServer, keys, settings, log, models: inMemory() }))),
    async close() {
      await Promise.all([entrance.end(), metricsServer?.close(), traces?.close()]);
    },
  };
}

/** Loads OpenTelemetry only where traces are asked for. */
async function openTraces({ settings, version }: OpenServerOptions, log: Log): Promise<Traces | undefined> {
  const exporters = settings.traceExporters;
  if (exporters.length === 0) return undefined;
  log('info', `Traces of requests are on: ${exporters.join(' and ')}.`);
  const { Traces } = await import('./traces/traces.ts');
  return new Traces({ exporters, version, log });
}

interface Draining {
  readonly entrance: Entrance;
  readonly requests: Requests;
  readonly late: LateRequests;
  readonly unsent: UnsentResponses;
  readonly timeoutMs: number;
  readonly quietMs: number;
}

/** Ends the requests, then the connections. Clients cannot delay it, whatever they do. */
async function drain({ entrance, requests, late, unsent, timeoutMs, quietMs }: Draining): Promise<void> {
  entrance.close();
  const drained = requests.drain(timeoutMs);
  await late.leave({ quietMs, limitMs: Math.min(LATE_REQUESTS_MS, timeoutMs) });
  entrance.closeIdle();
  await drained;
  await unsent.leave(SEND_MS);
  await entrance.end();
  // Unread streams end with their connections.
  await requests.idle(SEND_MS);
}

interface Reloading {
  readonly server: Server;
  readonly metricsServer: MetricsServer | undefined;
  readonly keys: ApiKeys;
  readonly settings: ServerSettings;
  readonly log: Log;
  readonly models: readonly LoadedModel[];
}

async function reload({ server, metricsServer, keys, settings, log, models }: Reloading): Promise<void> {
  const attempt = async (name: string, work: () => Promise<void> | undefined): Promise<void> => {
    try {
      await work();
      log('info', `${name} were read again.`);
    } catch (error) {
      log('warning', `${name} could not be read again and stay as they were: ${messageOf(error)}`);
    }
  };
  if (settings.apiKeyFile !== undefined) await attempt('API keys', () => keys.reload());
  for (const model of models) {
    if (model.reload !== undefined) await attempt("The model's settings", () => model.reload?.());
  }
  const { tls } = settings;
  if (tls === undefined || !(server instanceof HttpsServer)) return;
  await attempt('Certificates', async () => {
    const certificate = await readCertificate(tls, log);
    // Connections keep the one they have begun with.
    server.setSecureContext(certificate);
    metricsServer?.useCertificate(certificate);
  });
}
