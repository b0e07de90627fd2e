import type { Environment } from '../environment.ts';
import { option } from '../option.ts';
import { choices, text, toggle } from '../value-kinds.ts';

/** Traces of requests, by the variables of OpenTelemetry. */
export const tracingOptions = {
  tracesExporter: option({
    group: 'Server',
    flags: [],
    environment: 'OTEL_TRACES_EXPORTER',
    help: 'Where OpenTelemetry traces of requests go; further OTEL_* variables say how',
    kind: choices(['otlp', 'console', 'none']),
    default: tracesExporters,
    defaultText: 'otlp where an OTEL_EXPORTER_OTLP_ENDPOINT is set, else none',
  }),
  otlpProtocol: option({
    group: 'Server',
    flags: [],
    environment: 'OTEL_EXPORTER_OTLP_TRACES_PROTOCOL',
    environmentAliases: ['OTEL_EXPORTER_OTLP_PROTOCOL'],
    help: 'How traces are sent: http/protobuf only',
    kind: text('a protocol'),
    default: 'http/protobuf',
  }),
  otelSdkDisabled: option({
    group: 'Server',
    flags: [],
    environment: 'OTEL_SDK_DISABLED',
    help: 'No traces, whatever the other OTEL_* variables say',
    kind: toggle(),
    default: false,
  }),
} as const;

/** As the SDKs of OpenTelemetry do not: traces are on only where someone asks for them. */
function tracesExporters(environment: Environment): readonly ('otlp' | 'console' | 'none')[] {
  const endpoints = [environment['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'], environment['OTEL_EXPORTER_OTLP_ENDPOINT']];
  return endpoints.some((endpoint = '') => endpoint !== '') ? ['otlp'] : [];
}
