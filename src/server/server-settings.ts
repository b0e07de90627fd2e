/** How a server treats requests. */
export interface ServerSettings {
  /** Larger bodies are refused before they are buffered. */
  readonly maxRequestBytes: number;
  /** Idle connections are kept open so long. */
  readonly keepAliveTimeoutS: number;
  /** At shutdown, requests in flight have so long to end. */
  readonly gracefulShutdownTimeoutS: number;
  /** Accept request fields that nobody knows. */
  readonly allowExtraRequestFields: boolean;
  readonly maxImagesPerRequest: number;
  /** Requests that may wait while as many as fit into a batch are answered; undefined sets no limit. */
  readonly maxQueueSize: number | undefined;
}
