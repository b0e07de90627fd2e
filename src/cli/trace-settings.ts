import { VserveError } from '../errors/index.ts';
import type { TraceExporter } from '../server/index.ts';
import type { LoadedSettings } from '../settings/index.ts';

type TraceOptions = LoadedSettings<'tracesExporter' | 'otlpProtocol' | 'otelSdkDisabled'>;

const PROTOCOL = 'http/protobuf';

/** Where traces go. Throws `invalid_setting` for a protocol that is not spoken. */
export function traceExportersOf(
  { tracesExporter, otlpProtocol, otelSdkDisabled }: TraceOptions['settings'],
  origins: TraceOptions['origins'],
): readonly TraceExporter[] {
  if (otelSdkDisabled) return [];
  const exporters = [...new Set(tracesExporter)].filter((exporter) => exporter !== 'none');
  if (exporters.includes('otlp') && otlpProtocol !== PROTOCOL) {
    throw new VserveError(
      'invalid_setting',
      `${origins.otlpProtocol} is ${JSON.stringify(otlpProtocol)}, but traces are sent as ${PROTOCOL} only. Unset it and name the collector's HTTP endpoint (usually port 4318), or set OTEL_TRACES_EXPORTER=none.`,
      { param: 'otlpProtocol' },
    );
  }
  return exporters;
}
