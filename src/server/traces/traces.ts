import { diag, DiagLogLevel, ROOT_CONTEXT, SpanKind } from '@opentelemetry/api';
import type { Tracer } from '@opentelemetry/api';
import { setGlobalErrorHandler, W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
  serviceInstanceIdDetector,
} from '@opentelemetry/resources';
import type { Resource } from '@opentelemetry/resources';
import { BasicTracerProvider, BatchSpanProcessor, ConsoleSpanExporter } from '@opentelemetry/sdk-trace-base';
import { setTimeout } from 'node:timers/promises';
import type { Log } from '../access-log.ts';
import type { TraceExporter } from '../server-settings.ts';
import { ReportingExporter } from './reporting-exporter.ts';
import { RequestClock } from './request-clock.ts';
import { RequestTrace } from './request-trace.ts';

/** Time to send the last traces. */
const FLUSH_MS = 2000;

export interface TracesOptions {
  readonly exporters: readonly TraceExporter[];
  /** vserve's version. */
  readonly version: string;
  readonly log: Log;
}

/** The headers of a request that say which trace it belongs to. */
export type TraceHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

/**
 * Makes and sends traces. The packages of OpenTelemetry read the variables `OTEL_*` themselves: where the collector is, what
 * is sampled, what the service is called. Import this module only where traces are asked for: they take time to load.
 */
export class Traces {
  readonly #propagator = new W3CTraceContextPropagator();
  readonly #provider: BasicTracerProvider;
  readonly #tracer: Tracer;
  readonly #log: Log;

  constructor({ exporters, version, log }: TracesOptions) {
    logProblems(log);
    this.#log = log;
    const spanProcessors = exporters.map((exporter) =>
      exporter === 'console'
        ? new BatchSpanProcessor(new ConsoleSpanExporter())
        : new BatchSpanProcessor(new ReportingExporter(new OTLPTraceExporter(), log)),
    );
    this.#provider = new BasicTracerProvider({ resource: resourceOf(version), spanProcessors });
    this.#tracer = this.#provider.getTracer('vserve', version);
  }

  /** Begins the trace of a request, or goes on with that of its client; undefined for one that is not sampled. */
  begin(method: string, headers: TraceHeaders): RequestTrace | undefined {
    const parent = this.#propagator.extract(ROOT_CONTEXT, headers, {
      keys: (carrier: TraceHeaders) => Object.keys(carrier),
      get: (carrier: TraceHeaders, name) => carrier[name] as string | string[] | undefined,
    });
    const clock = new RequestClock();
    const startTime = clock.timeOf(clock.beganAtMs);
    const span = this.#tracer.startSpan(method, { kind: SpanKind.SERVER, startTime }, parent);
    return span.isRecording() ? new RequestTrace(this.#tracer, span, clock) : undefined;
  }

  /** Sends what is left, for a limited time. */
  async close(): Promise<void> {
    const sent = this.#provider.shutdown().then(
      () => true,
      () => true, // the exporter has told it
    );
    const timer = new AbortController();
    const late = setTimeout(FLUSH_MS, false, { signal: timer.signal }).catch(() => false);
    if (!(await Promise.race([sent, late]))) {
      this.#log('warning', `The last traces could not be sent within ${String(FLUSH_MS / 1000)} s.`);
    }
    timer.abort();
  }
}

function resourceOf(version: string): Resource {
  return defaultResource()
    .merge(resourceFromAttributes({ 'service.name': 'vserve', 'service.version': version }))
    .merge(detectResources({ detectors: [serviceInstanceIdDetector, envDetector] }));
}

const ignore = (): void => undefined;

/** Logs what the packages of OpenTelemetry complain about, such as variables that they cannot read. */
function logProblems(log: Log): void {
  const warn = (message: string, ...details: unknown[]): void =>
    log('warning', ['OpenTelemetry:', message, ...details.map(String)].join(' '));
  diag.setLogger(
    { error: warn, warn, info: ignore, debug: ignore, verbose: ignore },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  );
  // Of exports that failed, which `ReportingExporter` tells once.
  setGlobalErrorHandler(ignore);
}
