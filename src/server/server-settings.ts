import type { KeySettings } from './api-keys.ts';
import type { TlsFiles } from './tls-files.ts';

/** Groups of routes that can be switched off. */
export type ApiType = 'openai' | 'responses' | 'anthropic' | 'ollama' | 'sagemaker';

/** `otlp`: to a collector, as the `OTEL_*` variables say. `console`: to standard output. */
export type TraceExporter = 'otlp' | 'console';

/** How the server handles requests. */
export interface ServerSettings extends KeySettings {
  /** The routes there are, besides those that tell about the server and its models. */
  readonly apiTypes: readonly ApiType[];
  /** Larger bodies are rejected before they are buffered. */
  readonly maxRequestBytes: number;
  /** Memory for all request bodies together; clients wait while it is full. */
  readonly maxRequestMemoryBytes: number;
  /** Time for a client to send a request body. */
  readonly bodyTimeoutS: number;
  /** Time that idle connections are kept open. */
  readonly keepAliveTimeoutS: number;
  /** Time for requests in flight to finish during shutdown. */
  readonly gracefulShutdownTimeoutS: number;
  /** Accept unknown request fields. */
  readonly allowExtraRequestFields: boolean;
  readonly maxImagesPerRequest: number;
  /** Origins of web pages that may use the server from a browser; `*` matches any text. */
  readonly allowedOrigins: readonly string[];
  /** Further host names under which clients may reach the server; `*` matches any text. */
  readonly allowedHosts: readonly string[];
  /** Maximum number of requests waiting for a place in the batch; undefined means no limit. */
  readonly maxQueueSize: number | undefined;
  /** Responses that are kept for requests that refer to them. */
  readonly maxStoredResponses: number;
  readonly maxStoredResponseBytes: number;
  /** Files that are kept for requests that name them. */
  readonly maxStoredFiles: number;
  readonly maxStoredFileBytes: number;
  /** Tell at `/slots` what runs. */
  readonly slots: boolean;
  /** Answer browsers at `/` with a page to try the model. */
  readonly playground: boolean;
  /** Where traces of requests go; empty for none. */
  readonly traceExporters: readonly TraceExporter[];
  /** Maximum number of requests, running and waiting; undefined means no limit. */
  readonly maxPendingRequests: number | undefined;
  /** Serve HTTPS with this certificate. */
  readonly tls: TlsFiles | undefined;
  /** Proxies whose `X-Forwarded-For` is believed: IP addresses, CIDR ranges, or `unix`. */
  readonly trustedProxies: readonly string[];
  /** Permissions of Unix sockets. */
  readonly unixSocketMode: number;
}
