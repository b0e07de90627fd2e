/** How a server treats requests. */
export interface ServerSettings {
  /** Larger bodies are refused before they are buffered. */
  readonly maxRequestBytes: number;
  /** The bodies of all requests take no more together; what comes beyond that waits. */
  readonly maxRequestMemoryBytes: number;
  /** A body may take so long to arrive. */
  readonly bodyTimeoutS: number;
  /** Idle connections are kept open so long. */
  readonly keepAliveTimeoutS: number;
  /** At shutdown, requests in flight have so long to end. */
  readonly gracefulShutdownTimeoutS: number;
  /** Accept request fields that nobody knows. */
  readonly allowExtraRequestFields: boolean;
  readonly maxImagesPerRequest: number;
  /** Origins of the web pages that may use the server from a browser; `*` stands for any text. */
  readonly allowedOrigins: readonly string[];
  /** Host names under which browsers may reach the server, beside the obvious ones; `*` stands for any text. */
  readonly allowedHosts: readonly string[];
  /** Requests that may wait while as many as fit into a batch are answered; undefined sets no limit. */
  readonly maxQueueSize: number | undefined;
}
