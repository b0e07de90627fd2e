export type { Log } from './access-log.ts';
export { openServer } from './open-server.ts';
export type { LoadedSource, ModelSource } from './models/model-source.ts';
export type { OpenServer, OpenServerOptions, RunningServer, ServeModelsOptions, ServeOptions } from './open-server.ts';
export type { ServerSettings, TraceExporter } from './server-settings.ts';
export type { LoadingProgress } from './server-state.ts';
export { startServer } from './start-server.ts';
export type { StartServerOptions } from './start-server.ts';
