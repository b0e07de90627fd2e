import type { ServedModel } from '../api/index.ts';
import type { LoadedModel } from '../backend/index.ts';
import type { MediaResolver } from '../media/index.ts';
import type { Log } from './access-log.ts';
import type { Adapters } from './adapters.ts';
import type { Admission } from './admission.ts';
import type { BodyMemory } from './body-memory.ts';
import type { CpuShare } from './cpu-share.ts';
import type { CrashWatch } from './crash-watch.ts';
import type { FileStore } from './files/file-store.ts';
import type { Metrics } from './metrics/metrics.ts';
import type { ServedModels } from './models/served-models.ts';
import type { RequestCounts } from './request-counts.ts';
import type { ResponseStore } from './responses/response-store.ts';
import type { Requests } from './requests.ts';
import type { ServerSettings } from './server-settings.ts';
import type { Slots } from './slots.ts';

/** What requests share, whichever model they are for. */
export interface SharedOptions {
  readonly settings: ServerSettings;
  readonly version: string;
  readonly media: MediaResolver;
  /** What clients have uploaded. */
  readonly files: FileStore;
  /** What clients have stored, for `previous_response_id`. */
  readonly responses: ResponseStore;
  readonly requests: Requests;
  readonly counts: RequestCounts;
  readonly memory: BodyMemory;
  readonly cpus: CpuShare;
  readonly metrics: Metrics;
  /** Undefined where nobody wants to know which requests run. */
  readonly watch?: CrashWatch | undefined;
  readonly log: Log;
}

/** What the routes of all formats work with, before they know the model of a request. */
export interface RouteOptions extends SharedOptions {
  readonly models: ServedModels<GenerationRouteOptions>;
}

/** The same for the model of a request, while it is in memory. */
export interface GenerationRouteOptions extends SharedOptions {
  readonly model: LoadedModel;
  readonly served: ServedModel;
  readonly servedModelName: string;
  /** All names that requests may have for it. */
  readonly names: readonly string[];
  /** Of the model; requests choose one by its name. */
  readonly adapters?: Adapters | undefined;
  readonly admission: Admission;
  /** Follows its generations, where that is to be told. */
  readonly slots?: Slots | undefined;
}
