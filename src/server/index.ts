export type { Log } from './access-log.ts';
export type { ServerSettings } from './server-settings.ts';
export { startServer } from './start-server.ts';
export type { RunningServer, StartServerOptions } from './start-server.ts';
