import type { Backend } from '../backend/index.ts';
import type {
  LlamaCppConverter,
  llamaCppVersion,
  llamaCppVersionPrefix,
  supportedArchitectures,
} from '../convert/index.ts';
import type { downloadModel, fetchHeaders, previewDownload } from '../hub/index.ts';
import type { openServer } from '../server/index.ts';
import type { Converter } from '../store/index.ts';
import type { Output } from './output.ts';

/** What the command line needs of `src/server`. */
export interface ServerModule {
  readonly openServer: typeof openServer;
}

/** What the command line needs of `src/hub`. */
export interface HubModule {
  readonly downloadModel: typeof downloadModel;
  readonly fetchHeaders: typeof fetchHeaders;
  readonly previewDownload: typeof previewDownload;
}

/** What the command line needs of `src/convert`. */
export interface ConverterModule extends Converter {
  readonly supportedArchitectures: typeof supportedArchitectures;
  readonly LlamaCppConverter: typeof LlamaCppConverter;
  readonly llamaCppVersion: typeof llamaCppVersion;
  readonly llamaCppVersionPrefix: typeof llamaCppVersionPrefix;
}

/** The parts of vserve that verbs use, each loaded on demand. */
export interface Dependencies {
  findBackend(nameOrModule: string): Promise<Backend>;
  loadConverter(): Promise<ConverterModule>;
  loadHub(): Promise<HubModule>;
  loadServer(): Promise<ServerModule>;
}

/** What every verb is given. */
export interface Context {
  readonly output: Output;
  /** Aborted by the first SIGINT, SIGTERM or SIGHUP, with an `Interrupted` as its reason. */
  readonly signal: AbortSignal;
  /** Sends `hangup` when the process is told to read its files again: SIGHUP, where there is no terminal. */
  readonly hangups: EventTarget;
  /** Sends `report` when a person asks what the process is doing: SIGUSR1. */
  readonly reportRequests: EventTarget;
  /** Standard input. Opening it keeps a terminal in use. */
  readonly openInput: () => NodeJS.ReadStream;
  readonly dependencies: Dependencies;
}

export const dependencies: Dependencies = {
  findBackend: async (nameOrModule) => (await import('../backend/index.ts')).findBackend(nameOrModule),
  loadConverter: () => import('../convert/index.ts'),
  loadHub: () => import('../hub/index.ts'),
  loadServer: () => import('../server/index.ts'),
};
