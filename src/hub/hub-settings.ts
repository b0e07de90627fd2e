/** A token of the Hub, and its source, for messages: `HF_TOKEN`. */
export interface HubToken {
  readonly value: string;
  readonly origin: string;
}

/** Where the Hub is and how to reach it. */
export interface HubSettings {
  /** `https://huggingface.co`, or a mirror; it may have a path. */
  readonly endpoint: string;
  /** Sent to the endpoint's own origin only. */
  readonly token: HubToken | undefined;
  /** Fetch nothing: only use what is on the disk. */
  readonly offline: boolean;
  /** Hugging Face's own cache (`HF_HUB_CACHE`): read, never written. */
  readonly cacheFolder: string;
  readonly proxies: {
    /** URL of the proxy for `http:` addresses; empty for none. */
    readonly http: string;
    /** The same for `https:`; if empty, `http` is used for both. */
    readonly https: string;
    /** Hosts to reach directly, comma-separated. */
    readonly none: string;
  };
}

/** Sizes and times of a download. Tests use small ones. */
export interface DownloadTuning {
  /** Concurrent requests. */
  readonly connections: number;
  /** Maximum size of one request. */
  readonly partBytes: number;
  /** Bytes between two lines of the journal: a kill loses at most these, per connection. */
  readonly extentBytes: number;
  /** A connection without data for this long has stalled. */
  readonly stallMs: number;
  /** Pause before the first retry; each further one doubles, with jitter. */
  readonly backoffMs: number;
  /** Retries of a request that makes no progress. */
  readonly retries: number;
}

export const defaultTuning: DownloadTuning = {
  connections: 8,
  partBytes: 64 * 1024 * 1024,
  extentBytes: 4 * 1024 * 1024,
  stallMs: 20_000,
  backoffMs: 1000,
  retries: 6,
};
