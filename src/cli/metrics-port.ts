import { VserveError } from '../errors/index.ts';
import type { Log } from '../server/index.ts';
import type { checkPort } from '../server/port.ts';
import type { LoadedSettings } from '../settings/index.ts';

const FLAG = '--metrics-endpoint-port';

/**
 * The port of `/metrics`, where there is to be one. A port that somebody asked for must be free; when the default one is
 * taken, as by another vserve, the server goes without, and says so. Throws `port_in_use` or `address_unavailable`.
 */
export async function metricsPortOf(
  { settings, origins }: LoadedSettings<'host' | 'port' | 'metricsEndpointPort'>,
  check: typeof checkPort,
  log: Log,
): Promise<number | undefined> {
  const { host, port, metricsEndpointPort: metricsPort } = settings;
  if (metricsPort === undefined) return undefined;
  try {
    if (metricsPort !== 0 && metricsPort === port) {
      throw new VserveError(
        'port_in_use',
        `Requests and metrics cannot share port ${port}. Take another with ${FLAG}.`,
      );
    }
    await check(host, metricsPort, FLAG);
    return metricsPort;
  } catch (error) {
    if (origins.metricsEndpointPort !== 'default' || !(error instanceof VserveError)) throw error;
    log('warning', `There is no /metrics: port ${metricsPort} is taken. ${FLAG} takes another, or off.`);
    return undefined;
  }
}
