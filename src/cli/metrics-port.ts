import { VserveError } from '../errors/index.ts';
import type { Log } from '../server/index.ts';
import { metricsHosts } from '../server/listen-address.ts';
import { noMetrics } from '../server/port.ts';
import type { checkPort } from '../server/port.ts';
import type { LoadedSettings } from '../settings/index.ts';

const FLAG = '--metrics-endpoint-port';

/** Whether nobody has asked for the port of `/metrics`, so that a server does without if it is taken. */
export function isMetricsOptional({ origins }: Pick<LoadedSettings<'metricsEndpointPort'>, 'origins'>): boolean {
  return origins.metricsEndpointPort === 'default';
}

/**
 * The port of `/metrics`, if enabled. A port that was set explicitly must be free; if the default one is taken, for example
 * by another vserve, the server warns and runs without. Throws `port_in_use` or `address_unavailable`.
 */
export async function metricsPortOf(
  { settings, origins }: LoadedSettings<'host' | 'port' | 'metricsEndpointPort'>,
  check: typeof checkPort,
  log: Log,
): Promise<number | undefined> {
  const { host: hosts, port, metricsEndpointPort: metricsPort } = settings;
  if (metricsPort === undefined) return undefined;
  try {
    if (metricsPort !== 0 && metricsPort === port) {
      throw new VserveError(
        'port_in_use',
        `Requests and metrics cannot share port ${port}. Choose another with ${FLAG}.`,
      );
    }
    await check(metricsHosts(hosts), metricsPort, FLAG);
    return metricsPort;
  } catch (error) {
    if (!isMetricsOptional({ origins }) || !(error instanceof VserveError)) throw error;
    log('warning', noMetrics(metricsPort));
    return undefined;
  }
}
