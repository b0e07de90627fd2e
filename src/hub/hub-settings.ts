/** A token of the Hub, and where it came from, in words: `HF_TOKEN`. */
export interface HubToken {
  readonly value: string;
  readonly origin: string;
}

/** Where the Hub is and how it is reached. */
export interface HubSettings {
  /** `https://huggingface.co`, or where a mirror is; it may have a path. */
  readonly endpoint: string;
  /** Sent to the endpoint's own origin and to nobody else. */
  readonly token: HubToken | undefined;
  /** Nothing is fetched: what is on the disk must do. */
  readonly offline: boolean;
  /** Hugging Face's own cache (`HF_HUB_CACHE`): read, never written. */
  readonly cacheFolder: string;
  readonly proxies: {
    /** URL of the proxy for `http:` addresses; empty for none. */
    readonly http: string;
    /** The same for `https:`; where it is empty, `http` serves for both. */
    readonly https: string;
    /** Hosts that are reached directly, between commas. */
    readonly none: string;
  };
}

/** Sizes and times of a download. Tests make them small. */
export interface DownloadTuning {
  /** Requests at the same time. */
  readonly connections: number;
  /** Most bytes of one request. */
  readonly partBytes: number;
  /** A line of the journal is written after so many bytes: at most these are lost to a kill, for each connection. */
  readonly extentBytes: number;
  /** A connection that gives nothing for so long has stalled. */
  readonly stallMs: number;
  /** Pause before the first retry; each further one is twice as long, plus a random share. */
  readonly backoffMs: number;
  /** Retries of a request that brings nothing. */
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
