export type { Log } from './access-log.ts';
export type { AdapterSettings, NamedAdapter, PreloadedAdapter } from './adapters.ts';
export type { CrashWatch, WatchedRequest } from './crash-watch.ts';
export type { KeptSockets, SocketHandle } from './kept-sockets.ts';
export { openServer } from './open-server.ts';
export type { LoadedSource, ModelSource } from './models/model-source.ts';
export type { PullModel } from './models/served-models.ts';
export type {
  OpenServer,
  OpenServerOptions,
  RunningServer,
  ServeModelsOptions,
  ServeOptions,
  Supervision,
} from './open-server.ts';
export type { ServerSettings, TraceExporter } from './server-settings.ts';
export type { Crash, LoadingProgress, PastCrashes } from './server-state.ts';
export { startServer } from './start-server.ts';
export type { StartServerOptions } from './start-server.ts';
