import { openServer } from './open-server.ts';
import type { OpenServerOptions, RunningServer, ServeOptions } from './open-server.ts';

export type StartServerOptions = OpenServerOptions & ServeOptions;

/** Serves a model that is loaded already. Throws like `openServer`. */
export async function startServer(options: StartServerOptions): Promise<RunningServer> {
  const server = await openServer(options);
  return server.serve(options);
}
